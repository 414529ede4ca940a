package main

import (
	"slices"
	"strings"
	"testing"
)

func TestHelpTellsOfEverySetting(t *testing.T) {
	help := gfxsyncStopped(t, nil, "run", "--help").ok(t)
	for _, s := range slices.Concat(runGroups...) {
		wanted := []string{s.usage}
		if s.flag != "" {
			wanted = append(wanted, "--"+s.flag+" ", "["+s.env[0]+"]")
		} else {
			wanted = append(wanted, s.env...)
		}
		if s.preset != "" {
			wanted = append(wanted, "(default: "+s.preset+")")
		}
		for _, want := range wanted {
			if !strings.Contains(help, want) {
				t.Errorf("it does not say %q", want)
			}
		}
	}
	if t.Failed() {
		t.Log(help)
	}
}

func TestVersion(t *testing.T) {
	was := version
	defer func() { version = was }()
	for given, want := range map[string]string{"v1.2.3": "gfxsync v1.2.3\n", "": "gfxsync " + versionText() + "\n"} {
		version = given
		if got := gfxsync(t.Context(), nil, "version").ok(t); got != want || got == "gfxsync \n" {
			t.Errorf("it prints %q, want %q", got, want)
		}
	}
}
