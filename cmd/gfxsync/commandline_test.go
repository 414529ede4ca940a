package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFlagsMayFollowArguments(t *testing.T) {
	for typed, want := range map[string]string{
		"":                                     "",
		"run":                                  "run",
		"queue drop 5 --queue-db X":            "queue drop --queue-db X 5",
		"queue drop 5 --queue-db=X 6":          "queue drop --queue-db=X 5 6",
		"queue drop 5 -queue-db X 6 --json":    "queue drop -queue-db X --json 5 6",
		"queue drop --json 5":                  "queue drop --json 5",
		"queue drop 5 -- --queue-db X":         "queue drop 5 -- --queue-db X",
		"queue drop 5 --queue-db":              "queue drop --queue-db",
		"queue drop 5 --bogus X":               "queue drop --bogus 5 X",
		"queue drop 5 - 6":                     "queue drop 5 - 6",
		"queue drop 5 --help":                  "queue drop --help",
		"queue drop --env-file help":           "queue drop --env-file help",
		"status pending.db --json":             "status --json pending.db",
		"bogus --json":                         "bogus --json",
		"queue bogus --json":                   "queue bogus --json",
		"--json status":                        "--json status",
		"help":                                 "--help",
		"help queue drop":                      "queue drop --help",
		"queue help drop":                      "queue drop --help",
		"help bogus":                           "bogus --help",
		"run --watch help":                     "run --watch help",
		"reconcile --full --watch a --dry-run": "reconcile --full --watch a --dry-run",
	} {
		p := &program{}
		got := arrange(p.app(), append([]string{"gfxsync"}, strings.Fields(typed)...))
		if want := append([]string{"gfxsync"}, strings.Fields(want)...); !slices.Equal(got, want) {
			t.Errorf("%s became %q, want %q", typed, got, want)
		}
	}
}
