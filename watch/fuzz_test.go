package watch

import (
	"strings"
	"testing"
)

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{
		"*.json", "PGFX_*.json", "[a-z]?.json", "[", "[]a]", "[^", "a/b", `a\b`, `\`, `\*`, "",
		"*", "**", "\x00", "\xff*", "한*", strings.Repeat("*a", 200), strings.Repeat("*", 5000), "[z-a]",
	} {
		f.Add(s, "PGFX_live.json")
		f.Add(s, strings.Repeat("a", 200))
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		p, err := ParsePattern(s)
		if err != nil {
			if !strings.Contains(err.Error(), "expected") {
				t.Errorf("%q: %v: what is to be done?", s, err)
			}
			return
		}
		if p.String() != s {
			t.Errorf("%q is shown as %q", s, p)
		}
		base := name[strings.LastIndexAny(name, separators)+1:]
		if p.Match(name) != p.Match(base) || p.Match("a/"+base) != p.Match(base) {
			t.Errorf("%q and %q: the folder counts", s, name)
		}
		if strings.Trim(s, "*") == "" && !p.Match(base) {
			t.Errorf("%q does not match %q", s, base)
		}
	})
}
