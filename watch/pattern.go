package watch

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

const (
	defaultPattern = "*.json"
	foldCase       = runtime.GOOS == "windows"
)

// separators a path may contain; on Windows a backslash is one of them and so cannot escape.
var separators = map[bool]string{false: "/", true: `/\`}[runtime.GOOS == "windows"]

// Pattern selects files by their base name, case-insensitively on Windows. The zero Pattern matches "*.json".
type Pattern struct {
	glob string // lower case where case does not matter
	text string // as given
}

// ParsePattern parses a glob in the syntax of path.Match, for example "*.json" or "PGFX_*.json".
func ParsePattern(s string) (Pattern, error) {
	const expected = `expected a file name with wildcards, such as "*.json" or "PGFX_*.json"`
	switch {
	case s == "":
		return Pattern{}, fmt.Errorf("file pattern is empty: %s", expected)
	case strings.ContainsAny(s, separators):
		return Pattern{}, fmt.Errorf("file pattern %q names a folder: %s; all folders below the watch path are included anyway", s, expected)
	}
	p := Pattern{glob: s, text: s}
	if foldCase {
		p.glob = strings.ToLower(s)
	}
	if _, err := path.Match(p.glob, ""); err != nil {
		return Pattern{}, fmt.Errorf("file pattern %q: %w: %s; * is any text, ? one character, [a-z] one of a range", s, err, expected)
	}
	return p, nil
}

// Match tells whether the base name of relOrBase, a path or a mere name, matches.
func (p Pattern) Match(relOrBase string) bool {
	name := relOrBase[strings.LastIndexAny(relOrBase, separators)+1:]
	glob := p.glob
	if glob == "" {
		glob = defaultPattern
	}
	if foldCase {
		name = strings.ToLower(name)
	}
	ok, _ := path.Match(glob, name) // ParsePattern has seen that the pattern is sound
	return ok
}

// String returns the pattern as it was given.
func (p Pattern) String() string {
	if p.text == "" {
		return defaultPattern
	}
	return p.text
}
