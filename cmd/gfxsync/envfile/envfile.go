// Package envfile reads the file of settings, lines of NAME=VALUE. It reads a value as it is written: a backslash, a
// dollar sign and a # within a word are part of it. What may be meant in two ways is refused.
package envfile

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// File is a file of settings. A nil File has no settings.
type File struct {
	Path    string
	lines   []line
	lineEnd string
	marked  bool // it begins with a byte order mark
}

// line is a line of the file. A comment or an empty line has no name.
type line struct {
	text, name, value string
}

// Read reads a file. No error shows what stands in it, for there is a key in it.
func Read(path string) (*File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path}
	if err := f.parse(content); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Lookup returns the value of a name. Of several lines with the name, the last counts.
func (f *File) Lookup(name string) (value string, ok bool) {
	if f == nil {
		return "", false
	}
	for _, l := range f.lines {
		if l.name == name {
			value, ok = l.value, true
		}
	}
	return value, ok
}

// Names returns the names in the order of their lines.
func (f *File) Names() (names []string) {
	if f == nil {
		return nil
	}
	for _, l := range f.lines {
		if l.name != "" {
			names = append(names, l.name)
		}
	}
	return names
}

const byteOrderMark = "\ufeff"

var anyLineEnd = regexp.MustCompile(`\r\n|\r|\n`)

func (f *File) parse(content []byte) error {
	if err := checkEncoding(content); err != nil {
		return err
	}
	text, marked := strings.CutPrefix(string(content), byteOrderMark)
	f.lineEnd, f.marked = systemLineEnd, marked
	if end := anyLineEnd.FindString(text); end != "" {
		f.lineEnd = end
	}
	if text == "" {
		return nil
	}
	for i, text := range anyLineEnd.Split(strings.TrimSuffix(text, f.lineEnd), -1) {
		l, err := parseLine(text)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		f.lines = append(f.lines, l)
	}
	return nil
}

// assignment matches NAME=VALUE. The value is still quoted.
var assignment = regexp.MustCompile(`^(?:export[ \t]+)?([\pL_][\pL\pN_.]*)[ \t]*=(.*)$`)

func parseLine(text string) (line, error) {
	trimmed := strings.Trim(text, " \t")
	if trimmed == "" || trimmed[0] == '#' {
		return line{text: text}, nil
	}
	m := assignment.FindStringSubmatch(trimmed)
	if m == nil {
		return line{}, errors.New("expected NAME=VALUE, or # and a comment")
	}
	value, err := parseValue(m[2])
	return line{text, m[1], value}, err
}

func parseValue(text string) (string, error) {
	trimmed := strings.Trim(text, " \t")
	for _, quote := range []string{`"`, `'`} {
		if strings.HasPrefix(trimmed, quote) {
			return parseQuoted(trimmed[1:], quote)
		}
	}
	value, err := withoutComment(text)
	if err != nil {
		return "", err
	}
	return value, refuseVariable(value)
}

// parseQuoted parses what follows the first quotation mark. No character has a meaning of its own, but the second mark.
func parseQuoted(text, quote string) (string, error) {
	value, rest, closed := strings.Cut(text, quote)
	rest = strings.Trim(rest, " \t")
	switch {
	case !closed:
		return "", errors.New("a quotation mark has no other on the same line")
	case rest != "" && rest[0] != '#':
		return "", fmt.Errorf("after the second quotation mark there is something else than a comment (a value that "+
			"has a %s in it goes into marks of the other kind)", quote)
	case quote == `"`:
		return value, refuseVariable(value)
	}
	return value, nil
}

// comment matches a # that may begin a comment, and what follows it.
var comment = regexp.MustCompile(`(?:^|[ \t])#(.*)$`)

// withoutComment returns an unquoted value without the comment after it. A # that may as well be part of a path is
// refused: "C:\GFX #1\output" must not become "C:\GFX".
func withoutComment(text string) (string, error) {
	at := comment.FindStringSubmatchIndex(text)
	if at == nil {
		return strings.Trim(text, " \t"), nil
	}
	said := text[at[2]:at[3]]
	if strings.Trim(said, " \t") != "" && strings.IndexAny(said, " \t") != 0 || strings.ContainsAny(said, `/\`) {
		return "", errors.New("# may begin a comment or be part of the value: put the value in quotation marks, or " +
			"the comment on a line of its own")
	}
	return strings.Trim(text[:at[0]], " \t"), nil
}

// variable matches a variable as shells and Windows replace it.
var variable = regexp.MustCompile(`\$\{|%[A-Za-z_]{4,}%`)

func refuseVariable(value string) error {
	if variable.MatchString(value) {
		return errors.New("variables are not replaced in this file: write the value itself, or put it in single " +
			"quotation marks if it is meant as it is")
	}
	return nil
}
