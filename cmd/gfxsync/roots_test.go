package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
)

func TestWatchPathsOfSeveralPCs(t *testing.T) {
	at := t.TempDir()
	file := filepath.Join(at, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	one, two := filepath.Join(at, "PC 1"), filepath.Join(at, "a=b;c")
	for _, tt := range []struct {
		text string
		want []hashindex.Root // nil: refused
	}{
		{one, []hashindex.Root{{Dir: one}}},
		{two, []hashindex.Root{{Dir: two}}},
		{"PC01=" + one, []hashindex.Root{{Label: "PC01", Dir: one}}},
		{"PC01=" + one + ";PC02=" + at, []hashindex.Root{{Label: "PC01", Dir: one}, {Label: "PC02", Dir: at}}},
		{" PC01=" + one + " ; 방송-2.a=" + at + ";", []hashindex.Root{{Label: "PC01", Dir: one}, {Label: "방송-2.a", Dir: at}}},
		{"PC01=" + one + ";PC01=" + at, nil},
		{"PC01=" + one + ";" + at, nil},
		{"PC01=" + one + ";=" + at, nil},
		{"PC01=" + one + ";;PC02=" + at, nil},
		{"PC01=", nil},
		{"PC01=" + one + ";PC02=  ", nil},
		{"PC01=" + file, nil},
		{file, nil},
	} {
		var got []hashindex.Root
		if ok := parseRoots(&got, tt.text); ok != (tt.want != nil) || ok && !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, %v, want %v", tt.text, got, ok, tt.want)
		}
	}
}

func TestWatchPathsBesideOneAnother(t *testing.T) {
	at := t.TempDir()
	inner := filepath.Join(at, "PC01", "PC02")
	for text, fine := range map[string]bool{
		"A=" + at + ";B=" + inner: false, "B=" + inner + ";A=" + at: false, "A=" + at + ";B=" + at: false,
		"A=" + inner + ";B=" + filepath.Join(at, "PC01", "PC022"): true, at: true,
	} {
		var roots []hashindex.Root
		if !parseRoots(&roots, text) {
			t.Fatalf("%q is refused", text)
		}
		if err := validateRoots(roots); (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "beside one another") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
