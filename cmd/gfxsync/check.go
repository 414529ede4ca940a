package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/supabase"
)

func (p *program) checkCommand() *cli.Command {
	var keyErr error
	// All settings of an agent, so that what it will be started with can be checked as it is.
	groups := [][]setting{
		keepingKeyError(remoteSettings, &keyErr), fileSettings, deliverySettings, scheduleSettings, hotScanSettings, passSettings, stateSettings, logSettings,
	}
	return &cli.Command{
		Name:  "check",
		Usage: "try every part of the set-up, change nothing, and say how to mend what fails",
		Flags: append(flags(groups...), jsonFlag),
		Action: func(c *cli.Context) error {
			s, err := p.configure(c, groups...)
			if err != nil {
				return err
			}
			if keyErr != nil {
				s.key = &supabase.Key{} // set, if to nothing of use
			}
			if err := s.validate(); err != nil {
				return err
			}
			findings := s.findings(c.Context, keyErr)
			if err := c.Context.Err(); err != nil {
				return err
			}
			return p.concludeCheck(findings, c.Bool("json"))
		},
	}
}

// keepingKeyError makes a key that cannot be used a finding, where other commands do not begin with it.
func keepingKeyError(group []setting, keyErr *error) []setting {
	group = slices.Clone(group)
	for i := range group {
		if group[i].parse == nil {
			group[i].parse = func(s *settings, v string) bool {
				var key supabase.Key
				key, *keyErr = supabase.ParseKey(v)
				s.key = &key
				return true
			}
		}
	}
	return group
}

// findings tries the remote and the machine.
func (s *settings) findings(ctx context.Context, keyErr error) (findings []store.Finding) {
	if s.localDB != "" {
		findings = append(findings, local.Check(ctx, s.localDB))
	} else {
		remote := s.openSupabase(nil)
		findings = remote.Check(ctx, supabase.CheckOptions{
			Setting: s.conflict, Rows: doctor.Rows(s.hash, cmp.Or(s.roots[0].Label, s.pcID)),
			Deletes: s.superseded == "delete", PCID: cmp.Or(s.roots[0].Label, s.pcID), KeyError: keyErr,
		})
		// Its connections are all there is to close: that cannot fail.
		_ = remote.Close()
	}
	setup := doctor.Setup{Roots: s.roots, Pattern: s.pattern, Schedules: s.schedules, QueueDB: s.queueDB}
	return append(findings, doctor.Check(ctx, setup)...)
}

func (p *program) concludeCheck(findings []store.Finding, asJSON bool) error {
	failed := slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Verdict == store.Fail })
	if !asJSON {
		printFindings(p.stdout, findings)
	} else if err := printJSON(p.stdout, struct {
		OK       bool            `json:"ok"`
		Findings []store.Finding `json:"findings"`
	}{!failed, findings}); err != nil {
		return err
	}
	if failed {
		return errRemains
	}
	return nil
}

var marks = map[store.Verdict]string{store.OK: "✓", store.Warn: "!", store.Fail: "✗", store.Skipped: "-"}

func printFindings(w io.Writer, findings []store.Finding) {
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(f.Part))
	}
	for _, f := range findings {
		fmt.Fprintf(w, "%s %-*s  %s", marks[f.Verdict], width, f.Part, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(w, " → %s", f.Hint)
		}
		fmt.Fprintln(w)
	}
}
