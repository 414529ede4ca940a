package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// listPage is how many entries are read at once for a list.
const listPage = 500

func (p *program) queueCommand() *cli.Command {
	return &cli.Command{
		Name:  "queue",
		Usage: "list, retry or drop what waits for the remote",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list what waits, and what is dead, and why",
				Flags: append(flags(stateSettings), jsonFlag), OnUsageError: usageError,
				Action: p.withState(p.listQueue),
			},
			{
				Name: "retry", ArgsUsage: "[ID …]",
				Usage: "try entries again at once, with all their retries: all dead ones, or those with the given ids",
				Flags: flags(stateSettings), OnUsageError: usageError,
				Action: p.withState(p.changeQueue(state.View.RetryQueued, "to be tried again")),
			},
			{
				Name: "drop", ArgsUsage: "[ID …]",
				Usage: "give entries up for good: all dead ones, or those with the given ids",
				Flags: flags(stateSettings), OnUsageError: usageError,
				Action: p.withState(p.changeQueue(state.View.DropQueued, "dropped")),
			},
		},
	}
}

type queuedJSON struct {
	ID          int64      `json:"id"`
	Root        string     `json:"root,omitempty"` // its label
	Path        string     `json:"path"`
	Hash        string     `json:"file_hash"`
	Bytes       int64      `json:"bytes"`
	Retries     int        `json:"retry_count"`
	Dead        bool       `json:"dead"`
	Error       string     `json:"error"`
	CreatedAt   time.Time  `json:"created_at"`
	LastAttempt *time.Time `json:"last_attempt"`
}

func (p *program) listQueue(c *cli.Context, _ *settings, s *state.State) error {
	entries := []queuedJSON{}
	for after := int64(0); ; {
		page, err := s.Queue.List(c.Context, after, listPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			entries = append(entries, toJSON(&e))
		}
		after = page[len(page)-1].ID
	}
	header := table.Row{"id", "state", "file", "size", "since", "retries", "last error"}
	return printList(p.stdout, c.Bool("json"), entries, "The queue is empty.", header, func(e queuedJSON) table.Row {
		state := "waiting"
		if e.Dead {
			state = "dead"
		}
		return table.Row{
			e.ID, state, pathText(e.Root, e.Path), humanize.IBytes(uint64(e.Bytes)), timeText(e.CreatedAt), e.Retries,
			fileid.OneLine(e.Error),
		}
	})
}

func toJSON(e *store.Queued) queuedJSON {
	j := queuedJSON{
		ID: e.ID, Root: e.Source.Root, Path: norm.NFC.String(e.Source.Path), Hash: e.FileHash, Bytes: e.Bytes,
		Retries: e.Retries, Dead: e.Dead, Error: e.LastError, CreatedAt: e.CreatedAt,
	}
	if !e.LastAttempt.IsZero() {
		j.LastAttempt = &e.LastAttempt
	}
	return j
}

// changeQueue makes an action of a change of one entry, or of all dead entries (id 0). All ids are changed in one
// transaction.
func (p *program) changeQueue(
	change func(state.View, context.Context, int64) (int, error), done string,
) func(*cli.Context, *settings, *state.State) error {
	return func(c *cli.Context, _ *settings, s *state.State) error {
		ids, err := parseIDs(c.Args().Slice())
		if err != nil {
			return err
		}
		changed := 0
		err = s.Update(c.Context, func(v state.View) error {
			for _, id := range ids {
				n, err := change(v, c.Context, id)
				if err != nil {
					return err
				}
				changed += n
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s %s.\n", english.Plural(changed, "entry", ""), done)
		return nil
	}
}

// parseIDs returns 0, which stands for all dead entries, if there are no arguments.
func parseIDs(args []string) ([]int64, error) {
	if len(args) == 0 {
		return []int64{0}, nil
	}
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return nil, fmt.Errorf("%q is no id of an entry; see gfxsync queue list", arg)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
