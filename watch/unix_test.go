//go:build linux || darwin

package watch

import (
	"os"
	"syscall"
	"testing"
)

// A FIFO is neither reported nor opened. Opening it would wait for a writer.
func TestFIFO(t *testing.T) {
	root := t.TempDir()
	r := start(t, root, Options{})
	must(t, syscall.Mkfifo(r.abs("x.json"), 0o600))
	f, err := os.OpenFile(r.abs("x.json"), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	_, err = f.WriteString("{}")
	must(t, err)
	for _, ev := range r.settle() {
		t.Errorf("handed on: %s", ev)
	}
}
