package watch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var t0 = time.Unix(1_700_000_000, 0)

func drain(p *pending) []string {
	var got []string
	for {
		ev, ok := p.take()
		if !ok {
			return got
		}
		got = append(got, fmt.Sprintf("%s %s +%d", ev.Op, ev.Path, ev.At.Sub(t0)/time.Second))
	}
}

// Each letter is one notification a second after the previous one: its kind (c, m, g, or L for look again) and its path.
func fill(p *pending, script ...string) {
	for i, s := range script {
		at := t0.Add(time.Duration(i) * time.Second)
		switch s[0] {
		case 'c':
			p.add(Created, s[1:], at)
		case 'm':
			p.add(Modified, s[1:], at)
		case 'g':
			p.add(Gone, s[1:], at)
		case 'L':
			p.lookAgain(at)
		}
	}
}

func TestPendingCoalesces(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"ca"}, []string{"created a +0"}},
		{"created created", []string{"ca", "ca"}, []string{"created a +0"}},
		{"created modified", []string{"ca", "ma", "ma"}, []string{"created a +0"}},
		{"created gone", []string{"ca", "ga"}, []string{"gone a +0"}},
		{"modified modified", []string{"ma", "ma"}, []string{"modified a +0"}},
		{"modified created", []string{"ma", "ca"}, []string{"created a +0"}},
		{"modified gone", []string{"ma", "ga"}, []string{"gone a +0"}},
		{"gone gone", []string{"ga", "ga"}, []string{"gone a +0"}},
		{"gone created", []string{"ga", "ca"}, []string{"modified a +0"}},
		{"gone modified", []string{"ga", "ma"}, []string{"modified a +0"}},
		{"gone created gone", []string{"ga", "ca", "ga"}, []string{"gone a +0"}},
		{"gone created modified", []string{"ga", "ca", "ma"}, []string{"modified a +0"}},
		{"order of first arrival", []string{"cb", "ca", "mb", "gc", "ga"}, []string{"created b +0", "gone a +1", "gone c +3"}},
		{"look again goes first", []string{"ca", "L", "mb"}, []string{"look again  +1", "created a +0", "modified b +2"}},
		{"look again once", []string{"L", "L", "ca", "L"}, []string{"look again  +0", "created a +2"}},
		{"at the limit", []string{"ca", "cb", "cc"}, []string{"created a +0", "created b +1", "created c +2"}},
		{"at the limit, known path", []string{"ca", "cb", "cc", "gb"}, []string{"created a +0", "gone b +1", "created c +2"}},
		{"above the limit", []string{"ca", "cb", "cc", "cd"}, []string{"look again  +0"}},
		{"after the collapse", []string{"ca", "cb", "cc", "cd", "me"}, []string{"look again  +0", "modified e +4"}},
		{"above it twice", []string{"ca", "cb", "cc", "cd", "ca", "cb", "cc", "cd"}, []string{"look again  +0"}},
		{"above it after look again", []string{"L", "ca", "cb", "cc", "cd"}, []string{"look again  +0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPending(3)
			fill(p, c.script...)
			if got := drain(p); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPendingPutBack(t *testing.T) {
	for _, c := range []struct {
		name           string
		before, during []string
		want           []string
	}{
		{"nothing in between", []string{"ca", "cb"}, nil, []string{"created a +0", "created b +1"}},
		{"same path", []string{"ca", "cb"}, []string{"ga"}, []string{"gone a +0", "created b +1"}},
		{"same path, twice", []string{"ga"}, []string{"ca", "ma"}, []string{"modified a +0"}},
		{"another path", []string{"ca"}, []string{"mb"}, []string{"created a +0", "modified b +0"}},
		{"look again in between", []string{"ca"}, []string{"L"}, []string{"look again  +0", "created a +0"}},
		{"look again put back", []string{"L", "ca"}, []string{"L"}, []string{"look again  +0", "created a +1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPending(10)
			fill(p, c.before...)
			ev, _ := p.take()
			fill(p, c.during...)
			p.putBack(ev)
			if got := drain(p); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Whatever is added and taken in whatever order, no path's last state is lost and no more is held than allowed.
func TestPendingLosesNothing(t *testing.T) {
	const limit = 5
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		p := newPending(limit)
		owed := map[string]bool{} // paths with news nobody has been told
		tell := func(ev Event, ok bool) {
			switch {
			case !ok:
			case ev.Op == LookAgain:
				clear(owed)
				for path := range p.byPath {
					owed[path] = true
				}
			default:
				delete(owed, ev.Path)
			}
		}
		for range 200 {
			switch path := string('a' + rune(rnd.IntN(8))); rnd.IntN(6) {
			case 0:
				tell(p.take())
			case 1:
				if ev, ok := p.take(); ok {
					p.putBack(ev)
				}
			default:
				p.add(Op(1+rnd.IntN(3)), path, t0)
				owed[path] = true
			}
			if p.order.Len() > limit || p.order.Len() != len(p.byPath) {
				t.Fatalf("seed %d: %d in order, %d by path", seed, p.order.Len(), len(p.byPath))
			}
		}
		for {
			ev, ok := p.take()
			if !ok {
				break
			}
			tell(ev, ok)
		}
		if len(owed) > 0 {
			t.Fatalf("seed %d: never told: %v", seed, owed)
		}
	}
}
