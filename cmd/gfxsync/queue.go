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
				Flags:  append(flags(stateSettings), jsonFlag),
				Action: p.withState(p.listQueue),
			},
			{
				Name: "retry", ArgsUsage: "[ID …]",
				Usage:  "try entries again at once, with all their retries: all dead ones, or those with the given ids",
				Flags:  append(flags(stateSettings), allFlag, jsonFlag),
				Action: p.changeQueue(state.View.RetryQueued, "to be tried again"),
			},
			{
				Name: "drop", ArgsUsage: "ID … | --all",
				Usage:  "give entries up for good: those with the given ids, or with --all all dead ones",
				Flags:  append(flags(stateSettings), allFlag, jsonFlag),
				Action: p.changeQueue(state.View.DropQueued, "dropped"),
			},
		},
	}
}

var allFlag = &cli.BoolFlag{Name: "all", Usage: "all dead entries"}

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
) cli.ActionFunc {
	return func(c *cli.Context) error {
		ids, err := parseIDs(c)
		if err != nil {
			return err
		}
		return p.withState(func(c *cli.Context, _ *settings, s *state.State) error {
			changed := 0
			err := s.Update(c.Context, func(v state.View) error {
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
			return p.printChanged(c, changed, done)
		})(c)
	}
}

func (p *program) printChanged(c *cli.Context, changed int, done string) error {
	if c.Bool(jsonFlag.Name) {
		return printJSON(p.stdout, struct {
			Entries int `json:"entries"`
		}{changed})
	}
	_, err := fmt.Fprintf(p.stdout, "%s %s.\n", english.Plural(changed, "entry", ""), done)
	return err
}

// parseIDs returns the ids of entries, or 0, which stands for all dead ones. All are dropped only if that is said.
func parseIDs(c *cli.Context) ([]int64, error) {
	all, args := c.Bool(allFlag.Name), c.Args().Slice()
	switch {
	case all && len(args) > 0:
		return nil, fmt.Errorf("%w: --all and ids of entries exclude each other", errSettings)
	case len(args) == 0 && !all && c.Command.Name == "drop":
		return nil, fmt.Errorf("%w: name the entries to drop (see gfxsync queue list), or all dead ones with --all",
			errSettings)
	case len(args) == 0:
		return []int64{0}, nil
	}
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return nil, fmt.Errorf("%s is no id of an entry; see gfxsync queue list", quoteValue(arg))
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
