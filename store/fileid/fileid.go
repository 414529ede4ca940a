// Package fileid says which file is meant, in the index, in the queue and in what people read.
package fileid

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ID identifies a watched file. The zero ID is no file.
type ID struct {
	Root string // the label of the watched folder; may be empty if there is one
	Path string // below that folder, '/'-separated, in the file system's own bytes
}

// String returns the name of the file for logs and lists: the label of the root, if there is one, and the path. Without
// a path it is the label alone.
func (id ID) String() string {
	switch "" {
	case id.Root:
		return OneLine(id.Path)
	case id.Path:
		return id.Root
	}
	return id.Root + ":" + OneLine(id.Path)
}

// OneLine makes a text safe to print in one line. The text may come from outside, such as the name of a file.
// Characters that break lines, move a terminal's cursor or change the direction of reading become escape sequences of
// Go.
func OneLine(s string) string {
	var b strings.Builder
	for _, r := range Printable(s) {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Printable makes Unicode NFC without NUL of a text. PostgreSQL's type text cannot hold a NUL (its documentation,
// "Character Types"). A byte that is not UTF-8 becomes the replacement character.
func Printable(s string) string {
	return norm.NFC.String(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd"))
}
