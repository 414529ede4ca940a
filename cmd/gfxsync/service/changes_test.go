package service

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// heard collects the changes that a Changes tells of.
type heard struct{ changes []Change }

func (h *heard) tell(c Change) { h.changes = append(h.changes, c) }

// since returns what was told since it was last asked, as KIND: NOW.
func (h *heard) since(t *testing.T) (told []string) {
	t.Helper()
	for _, c := range h.changes {
		for _, part := range []string{"remote", "root PC01"} {
			c.Now = strings.ReplaceAll(c.Now, lostText(part, "X"), part+" X") // shorter
		}
		if c.Text == "" || strings.Contains(c.Text+c.Now, "\n") {
			t.Errorf("%+v is not told in one line each", c)
		}
		told = append(told, map[Kind]string{
			Started: "started", Stopped: "stopped", Lost: "lost", Restored: "restored", CannotStart: "cannot start",
		}[c.Kind]+": "+c.Now)
	}
	h.changes = nil
	return told
}

func TestChangesAreToldOnce(t *testing.T) {
	h, alive := &heard{}, 0
	c := NewChanges(h.tell, func() { alive++ })
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"the agent begins", c.Began, []string{"started: all is well"}},
		{"it goes on with another queue database", c.Began, nil},
		{"it is alive", c.Alive, nil},
		{"the remote answers", func() { c.Trouble("remote", "") }, nil},
		{"the remote is away", func() { c.Trouble("remote", "X") }, []string{"lost: remote X"}},
		{"it is away for another reason", func() { c.Trouble("remote", "X\n") }, nil},
		{"a folder is away", func() { c.Trouble("root PC01", "X\n") }, []string{"lost: remote X root PC01 X"}},
		{"another is there", func() { c.Trouble("root PC02", "") }, nil},
		{"the remote is back", func() { c.Trouble("remote", "") }, []string{"restored: root PC01 X"}},
		{"it is still back", func() { c.Trouble("remote", "") }, nil},
		{"the agent stops", func() { c.Ended(nil) }, []string{"stopped: stopped"}},
		{"it begins anew", c.Began, []string{"started: all is well"}},
		{"the folder is away again", func() { c.Trouble("root PC01", "X\n") }, []string{"lost: root PC01 X"}},
		{
			"a setting is wrong", func() { c.Ended(errors.New("wrong\nsetting")) },
			[]string{"cannot start: wrong setting"},
		},
	} {
		step.do()
		if got := h.since(t); !slices.Equal(got, step.want) {
			t.Errorf("%s: told %q, want %q", step.what, got, step.want)
		}
	}
	if alive != 1 {
		t.Errorf("alive %d times, want once", alive)
	}
}
