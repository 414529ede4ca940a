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
	// The command takes all settings of gfxsync run, so that it checks what the agent will be started with.
	groups := slices.Concat([][]setting{keepingKeyError(remoteSettings, &keyErr)}, agentSettings[1:])
	return &cli.Command{
		Name:  "check",
		Usage: "try every part of the set-up, change nothing, and say how to mend what fails",
		Flags: append(flags(groups...), watchForFlag, jsonFlag),
		Action: func(c *cli.Context) error {
			watchFor, err := parseWatchFor(c)
			if err != nil {
				return err
			}
			s, err := p.configureAgent(c, groups...)
			if err != nil {
				return err
			}
			findings := s.findings(c.Context, keyErr)
			if watchFor > 0 {
				findings = append(findings, p.waitForSave(c, s, watchFor)...)
			}
			if err := c.Context.Err(); err != nil {
				return err
			}
			return p.printFindings(findings, c.Bool("json"))
		},
	}
}

// keepingKeyError returns the settings with another parser of the key. Where other commands fail on a wrong key, this
// parser keeps the error in keyErr and sets the zero key, so that the wrong key becomes a finding.
func keepingKeyError(group []setting, keyErr *error) []setting {
	group = slices.Clone(group)
	for i := range group {
		if group[i].parse == nil {
			group[i].parse = func(s *settings, v string) bool {
				var key supabase.Key
				key, *keyErr = readKey(v)
				s.key = &key
				return true
			}
		}
	}
	return group
}

// findings tries the remote and the machine.
func (s *settings) findings(ctx context.Context, keyErr error) []store.Finding {
	findings := []store.Finding{s.envFileFinding()}
	if s.localDB != "" {
		findings = append(findings, local.Check(ctx, s.localDB))
	} else {
		remote := s.openSupabase(nil)
		pcID := cmp.Or(s.roots[0].Label, s.pcID)
		findings = append(findings, remote.Check(ctx, supabase.CheckOptions{
			Setting: s.conflict, Rows: doctor.Rows(s.hash, pcID), Deletes: s.superseded == "delete", PCID: pcID,
			KeyError: keyErr,
		})...)
		_ = remote.Close() // never fails
	}
	return append(findings, doctor.Check(ctx, s.machine())...)
}

// machine returns what the settings say of this machine.
func (s *settings) machine() doctor.Setup {
	return doctor.Setup{
		Roots: s.roots, Pattern: s.pattern, Schedules: s.schedules, HotScans: s.hotScans, QueueDB: s.queueDB,
	}
}

// printFindings returns errRemains if a part has failed.
func (p *program) printFindings(findings []store.Finding, asJSON bool) error {
	failed := slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Verdict == store.Fail })
	if !asJSON {
		printFindingLines(p.stdout, findings)
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

func printFindingLines(w io.Writer, findings []store.Finding) {
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
