package hashindex

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A walk compares paths, and the index sorts by keys. Both must agree.
func TestPathsCompareAsTheirOrderKeysDo(t *testing.T) {
	path := rapid.StringOfN(rapid.SampledFrom([]rune("/!-.0Aa한\x01")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := path.Draw(t, "a"), path.Draw(t, "b")
		if got, want := compareInWalk(a, b), bytes.Compare(orderKey(a), orderKey(b)); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", a, b, got, want)
		}
	})
}
