package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
)

func TestTheBarHasTheRightTotal(t *testing.T) {
	for _, c := range []struct {
		now  reconcile.Progress
		want []string
	}{
		{reconcile.Progress{Files: 1, Total: 4, Bytes: 2048}, []string{"1 of 4 files, 2.0 KiB", " 25% "}},
		{reconcile.Progress{Files: 4, Total: 4, Bytes: 1 << 20}, []string{"4 of 4 files, 1.0 MiB", " 99% "}},
		{reconcile.Progress{Files: 1, Total: 1}, []string{"1 of 1 file, 0 B", " 99% "}},
		{reconcile.Progress{Files: 1200, Total: 123456}, []string{"1,200 of 123,456 files"}},
		{reconcile.Progress{}, []string{"0 of 0 files"}},
	} {
		var shown bytes.Buffer
		show, done := progressBar(&shown)
		show(c.now)
		for _, want := range c.want {
			if !strings.Contains(shown.String(), want) {
				t.Errorf("%+v: it shows %q, want %q", c.now, shown.String(), want)
			}
		}
		done()
	}
}
