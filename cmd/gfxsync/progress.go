package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/gfxsync/gfxsync/reconcile"
)

// progressInterval is how often a line of progress is printed if standard error is not a terminal.
const progressInterval = 10 * time.Second

// progress shows on standard error how far a pass has come: a bar on a terminal, else a line from time to time.
func (p *program) progress(quiet bool) (show func(reconcile.Progress), done func()) {
	if f, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return progressBar(f)
	}
	if quiet {
		return nil, func() {}
	}
	last := time.Now()
	return func(now reconcile.Progress) {
		if time.Since(last) >= progressInterval {
			last = time.Now()
			fmt.Fprintln(p.stderr, progressText(now))
		}
	}, func() {}
}

func progressText(now reconcile.Progress) string {
	return fmt.Sprintf("%s of %s, %s", humanize.Comma(now.Files), count(now.Total, "file"),
		humanize.IBytes(uint64(now.Bytes)))
}

func progressBar(w io.Writer) (show func(reconcile.Progress), done func()) {
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("files"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	show = func(now reconcile.Progress) {
		// The bar has one more than there are files, because a full bar ends, and the deliveries come after the files.
		bar.ChangeMax64(now.Total + 1)
		bar.Describe(humanize.IBytes(uint64(now.Bytes)))
		// A pass continues if the terminal cannot be written.
		_ = bar.Set64(now.Files)
	}
	return show, func() { _ = bar.Finish() }
}
