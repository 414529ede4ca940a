package watch

import (
	"runtime"
	"strings"
	"testing"
)

func TestPatternMatch(t *testing.T) {
	onWindows := runtime.GOOS == "windows"
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "a.json", true},
		{"", "a.json.tmp", false},
		{"*.json", "a.json", true},
		{"*.json", ".json", true},
		{"*.json", "json", false},
		{"*.json", "deep/er/a.json", true},
		{"*.json", "x.json/a.txt", false},
		{"*.json", "A.JSON", onWindows},
		{"*.JSON", "a.json", onWindows},
		{"*.json", `deep\a.json`, true},
		{"PGFX_*.json", "PGFX_live_data_export GameID=638961999170907267.json", true},
		{"PGFX_*.json", "live.json", false},
		{"[a-c]?.json", "b1.json", true},
		{"[a-c]?.json", "d1.json", false},
		{"*", "anything", true},
		{"테이블*.json", "2026/테이블 1.json", true},
		{"*.json", "\xff\xfe.json", true},
		{"*.json", "", false},
	} {
		p := Pattern{}
		if c.pattern != "" {
			var err error
			if p, err = ParsePattern(c.pattern); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Match(c.path); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for _, s := range []string{"", "sub/*.json", "/", "[", "[a", "a[", "*.json["} {
		_, err := ParsePattern(s)
		if err == nil {
			t.Errorf("%q was accepted", s)
		} else if !strings.Contains(err.Error(), `"*.json"`) {
			t.Errorf("%q: the error does not say what is expected: %v", s, err)
		}
	}
}

func TestPatternString(t *testing.T) {
	if got := (Pattern{}).String(); got != "*.json" {
		t.Errorf("zero Pattern: %q", got)
	}
	p, err := ParsePattern("GFX_*.JSON")
	if err != nil || p.String() != "GFX_*.JSON" {
		t.Errorf("%q, %v", p, err)
	}
}
