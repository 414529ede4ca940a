package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestTheManualPageTellsOfEverything(t *testing.T) {
	page := gfxsync(t.Context(), environment{}, "man").ok(t)
	plain := strings.NewReplacer(`\-`, "-", `\(ti`, "~", `\e`, `\`).Replace(page)
	for _, s := range slices.Concat(runGroups...) {
		wanted := slices.Clone(s.env)
		if s.flag != "" {
			wanted = append(wanted, "--"+s.flag+",")
		}
		for _, want := range wanted {
			if !strings.Contains(plain, want) {
				t.Errorf("it does not tell of %s", want)
			}
		}
	}
	var look func(above string, commands []*cli.Command)
	look = func(above string, commands []*cli.Command) {
		for _, c := range commands {
			name := above + " " + c.Name
			if c.Hidden {
				continue
			}
			if len(c.Subcommands) > 0 && c.Description == "" {
				look(name, c.Subcommands)
				continue
			}
			if !strings.Contains(plain, `.SS "`+name) {
				t.Errorf("it does not tell of %s", name)
			}
			for _, f := range c.Flags {
				if !strings.Contains(plain, "--"+f.Names()[0]) && f != cli.HelpFlag {
					t.Errorf("it does not tell of %s --%s", name, f.Names()[0])
				}
			}
		}
	}
	look("gfxsync", (&program{}).app().Commands)
	// What is built on one machine is the page of all.
	for _, here := range []string{hostname(), defaultQueueDB()} {
		if strings.Contains(plain, "The default is "+here+".") {
			t.Errorf("it tells of this machine: %s", here)
		}
	}
}
