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

// separators are the bytes that separate the parts of a path. On Windows the backslash is one of them, so a pattern
// cannot use it to escape a character.
var separators = map[bool]string{false: "/", true: `/\`}[runtime.GOOS == "windows"]

// Pattern selects files by their base name. On Windows it ignores case. The zero Pattern matches "*.json".
type Pattern struct {
	glob string // in lower case where case is ignored
	text string // as it was given
}

// ParsePattern parses a glob in the syntax of path.Match, for example "*.json" or "PGFX_*.json".
func ParsePattern(s string) (Pattern, error) {
	const expected = `expected a file name with wildcards, such as "*.json" or "PGFX_*.json"`
	switch {
	case s == "":
		return Pattern{}, fmt.Errorf("file pattern is empty: %s", expected)
	case strings.ContainsAny(s, separators):
		return Pattern{}, fmt.Errorf("file pattern %q names a folder: %s; "+
			"all folders below the watch path are included anyway", s, expected)
	}
	p := Pattern{glob: s, text: s}
	if foldCase {
		p.glob = strings.ToLower(s)
	}
	if _, err := path.Match(p.glob, ""); err != nil {
		return Pattern{}, fmt.Errorf("file pattern %q: %w: %s; * is any text, ? one character, [a-z] one of a range",
			s, err, expected)
	}
	return p, nil
}

// Match reports whether the base name of a path matches. A name without a folder is a path too.
func (p Pattern) Match(relOrBase string) bool {
	name := relOrBase[strings.LastIndexAny(relOrBase, separators)+1:]
	glob := p.glob
	if glob == "" {
		glob = defaultPattern
	}
	if foldCase {
		name = strings.ToLower(name)
	}
	ok, _ := path.Match(glob, name) // ParsePattern has checked the pattern
	return ok
}

// String returns the pattern as it was given.
func (p Pattern) String() string {
	if p.text == "" {
		return defaultPattern
	}
	return p.text
}
