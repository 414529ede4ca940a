package ingest

import (
	"errors"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// TestDecide goes through the table of decide. Each line reads: what the index says, what was found, and what follows.
func TestDecide(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	old := hashindex.Stamp{Size: 10, ModTime: now.Add(-time.Minute).UnixNano()}
	newer := hashindex.Stamp{Size: 20, ModTime: now.Add(-time.Second).UnixNano()}

	unknown := indexed{}
	in := func(s hashindex.State) indexed {
		return indexed{known: true, Entry: hashindex.Entry{Hash: "h1", Stamp: old, StampSeen: now.Add(-30 * time.Second), State: s}}
	}
	held := in(hashindex.Pending)
	held.held = true

	nothing := observation{err: errNothingNew}
	noFile := observation{err: errGone}
	same := observation{hash: "h1", stamp: old}
	touched := observation{hash: "h1", stamp: newer}
	saved := observation{hash: "h2", stamp: newer}
	broken := observation{hash: "h2", stamp: newer, invalid: errors.New("no JSON")}
	large := observation{stamp: newer, err: errTooLarge}
	locked := observation{stamp: newer, err: hashindex.ErrChanging}

	const (
		pending, queued, synced = hashindex.Pending, hashindex.Queued, hashindex.Synced
		dead, invalid, away     = hashindex.Dead, hashindex.Invalid, hashindex.Gone
		none                    = hashindex.State("")

		at1, batch = store.LaneCreated, store.LaneModified
		no         = store.Lane(0)
	)
	for _, c := range []struct {
		name   string
		before indexed
		seen   observation
		entry  hashindex.State // that the index is to say; none: what it says
		lane   store.Lane      // by which the content is delivered
		change change
		again  bool
	}{
		{"nothing new", in(synced), nothing, none, no, unchanged, false},
		{"nothing new of what is unknown", unknown, nothing, none, no, unchanged, false},

		{"gone", in(synced), noFile, away, no, gone, false},
		{"gone before it was sent", in(pending), noFile, away, no, gone, false},
		{"gone while its record waits", in(queued), noFile, away, no, gone, false},
		{"gone, as it was", in(away), noFile, none, no, unchanged, false},
		{"never there", unknown, noFile, none, no, unchanged, false},

		{"a new file", unknown, saved, pending, at1, added, false},
		{"a file that is back", in(away), same, pending, at1, added, false},
		{"a file that is back and was saved", in(away), saved, pending, at1, added, false},
		{"a save", in(synced), saved, pending, batch, changed, false},
		{"a save while the last one is on its way", held, saved, pending, batch, changed, false},
		{"a save while the last one waits", in(queued), saved, queued, batch, changed, false},
		{"a save of a dead letter's file", in(dead), saved, pending, batch, changed, false},
		{"a save of a superseded file", in(hashindex.Superseded), saved, pending, batch, changed, false},
		{"a save that mends an invalid file", in(invalid), saved, pending, at1, changed, false},

		{"as it was", in(synced), same, none, no, unchanged, false},
		{"touched", in(synced), touched, synced, no, unchanged, false},
		{"touched while its record waits", in(queued), touched, queued, no, unchanged, false},
		{"touched, a dead letter's", in(dead), touched, dead, no, unchanged, false},
		{"on its way", held, same, none, no, unchanged, false},
		{"an intent that nobody carries out", in(pending), same, pending, at1, unchanged, false},

		{"half written", unknown, broken, none, no, unchanged, true},
		{"half written, and known", in(synced), broken, none, no, unchanged, true},
		{"too large", unknown, large, none, no, unchanged, true},
		{"locked by its writer", in(synced), locked, none, no, unchanged, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.seen.now, c.seen.readAt = now, now
			d := rules{settleLimit: 5 * time.Second}
			res := d.decide(taskFor("a.json"), &c.before, &c.seen)
			entry, lane := none, no
			if res.entry != nil {
				entry = res.entry.State
			}
			if res.item != nil {
				lane = res.item.Lane
			}
			if entry != c.entry || lane != c.lane || res.change != c.change || res.again > 0 != c.again {
				t.Errorf("the index says %q, lane %q, change %d, again after %v; want %q, %q, %d, %v",
					entry, lane, res.change, res.again, c.entry, c.lane, c.change, c.again)
			}
			if res.toQueue != (c.entry == queued && lane != no) {
				t.Errorf("into the offline queue: %v", res.toQueue)
			}
			if res.unsent != (c.change == gone && c.before.State == pending) {
				t.Errorf("gone before it was sent: %v", res.unsent)
			}
		})
	}
}

// TestDecideWithoutSession: where every row is of a session, a file without one makes no row.
func TestDecideWithoutSession(t *testing.T) {
	now, id := time.Unix(1_000_000, 0), int64(7)
	for _, c := range []struct {
		required bool
		session  *int64
		want     hashindex.State
	}{
		{false, nil, hashindex.Pending},
		{true, &id, hashindex.Pending},
		{true, nil, hashindex.Invalid},
	} {
		d := rules{sessionRequired: c.required} // and nobody is given time to mend it
		res := d.decide(taskFor("a.json"), &indexed{}, &observation{
			hash: "h", record: store.Record{SessionID: c.session}, now: now, readAt: now,
		})
		if res.entry == nil || res.entry.State != c.want {
			t.Errorf("required: %v, has one: %v: %+v, want %s", c.required, c.session != nil, res.entry, c.want)
		}
		if c.want == hashindex.Invalid && !errors.Is(res.reason, ErrNoSession) {
			t.Errorf("the reason is %v", res.reason)
		}
	}
}

// TestAFullPassTriesAnInvalidFileAgain: why it was invalid may be mended, though its content is the same.
func TestAFullPassTriesAnInvalidFileAgain(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	before := indexed{known: true, Entry: hashindex.Entry{Hash: "h", State: hashindex.Invalid}}
	for rehash, want := range map[bool]bool{false: false, true: true} {
		task := taskFor("a.json")
		task.Rehash = rehash
		res := rules{}.decide(task, &before, &observation{hash: "h", now: now, readAt: now})
		if got := res.item != nil; got != want {
			t.Errorf("hashed anew: %v: delivered: %v, want %v", rehash, got, want)
		}
	}
}
