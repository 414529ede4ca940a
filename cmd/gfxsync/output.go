package main

import (
	"fmt"
	"io"
	"slices"
)

// output is standard output. It remembers the first error, because the help, tables and lists are printed by packages
// that return none.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err != nil {
		err = fmt.Errorf("write the output: %w", err)
	}
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// toldError is an error that was told in JSON on standard output.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// asksForJSON says whether a command line has the flag --json, even if the rest of it is wrong.
func asksForJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.ContainsFunc(args, func(word string) bool {
		return slices.Contains([]string{"--json", "-json", "--json=true", "-json=true"}, word)
	})
}
