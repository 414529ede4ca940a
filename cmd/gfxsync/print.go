package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/store/fileid"
)

var jsonFlag = &cli.BoolFlag{Name: "json", Usage: "print JSON"}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	return t
}

// printList prints the entries as JSON or as a table. Instead of an empty table it prints the text none.
func printList[E any](
	w io.Writer, asJSON bool, entries []E, none string, header table.Row, row func(E) table.Row,
) error {
	if asJSON {
		return printJSON(w, entries)
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	t := newTable(w)
	t.AppendHeader(header)
	for _, e := range entries {
		t.AppendRow(row(e))
	}
	t.Render()
	return nil
}

// pathText returns a path as people see it: on one line, and after the label of its root if there is one.
func pathText(root, path string) string {
	return fileid.ID{Root: root, Path: norm.NFC.String(path)}.String()
}

// count returns a number with what it counts.
func count[N int | int64](n N, one string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(int(n), one, "")
}

func timeText(t time.Time) string { return t.Local().Format(time.DateTime) }
