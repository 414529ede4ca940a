package watch

import (
	"slices"
	"testing"
)

func TestTree(t *testing.T) {
	tr := make(tree)
	for _, rel := range []string{".", "a", "a/b", "a/b/c", "ab", "a", "d"} {
		tr.add(rel)
	}
	if len(tr) != 6 {
		t.Fatalf("%d directories, want 6", len(tr))
	}
	if got := tr.remove("x"); got != nil {
		t.Errorf("removed %q, which was not there", got)
	}
	got := tr.remove("a")
	slices.Sort(got)
	if want := []string{"a", "a/b", "a/b/c"}; !slices.Equal(got, want) {
		t.Errorf("removed %q, want %q", got, want)
	}
	if !tr.has("ab") || tr.has("a/b") || len(tr["."]) != 2 {
		t.Errorf("left: %v", tr)
	}
	if got := tr.remove("."); len(got) != 3 || len(tr) != 0 {
		t.Errorf("removed %q, left %v", got, tr)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		rel, dir string
		want     bool
	}{
		{"a", "a", true},
		{"a/b", "a", true},
		{"ab", "a", false},
		{"a", "a/b", false},
		{"a/b", ".", true},
		{".", ".", true},
		{".", "a", false},
	} {
		if got := within(c.rel, c.dir); got != c.want {
			t.Errorf("within(%q, %q) = %v", c.rel, c.dir, got)
		}
	}
}
