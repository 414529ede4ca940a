package envfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// temporaryName is the pattern of the file's name before it has the name that is its own.
const temporaryName = ".gfxsync-*.env"

// New returns a file without settings. Write makes it.
func New(path string) *File { return &File{Path: path, lineEnd: systemLineEnd} }

// Set gives a name a value. It replaces the first line that has this name or one of the others, and further such lines
// go. Other lines stay as they are.
func (f *File) Set(name, value string, others ...string) error {
	text, err := written(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	one := line{name + "=" + text, name, value}
	isOne := func(l line) bool { return l.name == name || slices.Contains(others, l.name) }
	place := slices.IndexFunc(f.lines, isOne)
	if place < 0 {
		place = len(f.lines)
	}
	rest := slices.DeleteFunc(slices.Clone(f.lines[place:]), isOne)
	f.lines = append(append(f.lines[:place:place], one), rest...)
	return nil
}

// written returns a value as it is to be written, so that it is read as it is.
func written(value string) (string, error) {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "", errors.New("a value cannot have several lines")
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return "", errors.New("a value has to be text")
	}
	for _, text := range []string{value, "'" + value + "'", `"` + value + `"`} {
		if read, err := parseValue(text); err == nil && read == value {
			return text, nil
		}
	}
	return "", errors.New("a value cannot have quotation marks of both kinds")
}

// Write replaces the file by one with these settings, or makes it and its folder. A crash leaves the old file or the
// new one. A new file is for its owner alone (on Windows, SYSTEM and Administrators too); an old one keeps its mode and
// owner, and on Windows the rights of those accounts that it names one by one.
func (f *File) Write() error {
	path := f.Path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := createLike(path)
	if err != nil {
		return err
	}
	if _, err = temp.WriteString(f.text()); err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

func (f *File) text() string {
	var b strings.Builder
	if f.marked {
		b.WriteString(byteOrderMark)
	}
	for _, l := range f.lines {
		b.WriteString(l.text + f.lineEnd)
	}
	return b.String()
}
