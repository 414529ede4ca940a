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
	const whole = 1000
	bar := progressbar.NewOptions64(whole, progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish())
	show = func(now reconcile.Progress) {
		// The bar is never full, because a full bar ends, and the deliveries come after the files. A pass continues if
		// the terminal cannot be written.
		_ = bar.Set64(min(whole-1, now.Files*whole/max(1, now.Total)))
		bar.Describe(progressText(now))
	}
	return show, func() { _ = bar.Finish() }
}
