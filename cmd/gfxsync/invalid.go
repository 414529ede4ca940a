package main

import (
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

func (p *program) invalidCommand() *cli.Command {
	return &cli.Command{
		Name:  "invalid",
		Usage: "list the files that cannot be synced",
		Subcommands: []*cli.Command{{
			Name: "list", Usage: "list the files that cannot be synced, and why",
			Flags:  append(flags(stateSettings), jsonFlag),
			Action: p.withState(p.listInvalid),
		}},
	}
}

type invalidJSON struct {
	Root   string    `json:"root,omitempty"` // its label
	Path   string    `json:"path"`
	Bytes  int64     `json:"bytes"`
	Hash   string    `json:"file_hash"`
	Error  string    `json:"error"`
	SeenAt time.Time `json:"seen_at"`
}

func (p *program) listInvalid(c *cli.Context, _ *settings, s *state.State) error {
	entries := []invalidJSON{}
	for after := (fileid.ID{}); ; {
		page, err := s.Index.List(c.Context, hashindex.Invalid, after, listPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			entries = append(entries, invalidJSON{
				Root: e.Root, Path: norm.NFC.String(e.Path), Bytes: e.Size, Hash: e.Hash, Error: e.Error,
				SeenAt: e.SeenAt,
			})
		}
		after = page[len(page)-1].ID
	}
	header := table.Row{"file", "size", "seen", "what is wrong"}
	return printList(p.stdout, c.Bool("json"), entries, "No file is invalid.", header, func(e invalidJSON) table.Row {
		return table.Row{
			pathText(e.Root, e.Path), humanize.IBytes(uint64(e.Bytes)), timeText(e.SeenAt), fileid.OneLine(e.Error),
		}
	})
}
