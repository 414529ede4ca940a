package demo

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
)

// chapter is one part of the story. It does something, waits for what must follow, and prints what it measured.
type chapter struct {
	title string
	tell  func(*demo, context.Context)
}

var chapters = []chapter{
	{"New files", (*demo).newFiles},
	{"Modified files", (*demo).modifiedFiles},
	{"Outage", (*demo).outage},
	{"Nobody watches", (*demo).nobodyWatches},
	{"A broken file", (*demo).brokenFile},
	{"A gap found by the reconciler", (*demo).gap},
	{"Hands for graphics", (*demo).hands},
	{"verify", (*demo).verify},
	{"The account", (*demo).account},
}

// newFiles shows that a new file is sent at once.
func (d *demo) newFiles(ctx context.Context) {
	const files, pace = 200, 10 * time.Millisecond
	// The agent has scanned the folder and sent a file of each subfolder: from here on, notifications are measured.
	d.untilStatus(ctx, "the scan at the start of the agent", func(st *reconcile.Status) bool {
		return st.LastScan != nil && d.agent.Idle()
	})
	d.untilRows(ctx, time.Now(), d.saveNew(len(folders)))

	tick := time.Tick(pace)
	var saves []*save
	for i := range files {
		<-tick
		saves = append(saves, d.save(d.newFile(), []writing{inPlace, inPlace, byRename(time.Time{})}[i%3]))
	}
	var fromDone, fromBegun []time.Duration
	for _, s := range saves {
		fromDone = append(fromDone, d.untilRows(ctx, s.done, []*save{s}))
		fromBegun = append(fromBegun, d.untilRows(ctx, s.begun, []*save{s}))
	}
	d.say("%d sessions, one every %s, every third renamed into place, half of them in the folder %q.",
		files, pace, folders[1])
	d.say("From file complete on disk to row committed: %s.", percentiles(fromDone))
	d.say("From before the first byte was written:      %s.", percentiles(fromBegun))
}

func percentiles(of []time.Duration) string {
	slices.Sort(of)
	rank := func(p int) time.Duration { return of[(len(of)*p+99)/100-1] }
	return fmt.Sprintf("p50 %s, p99 %s, max %s", rank(50), rank(99), rank(100))
}

// modifiedFiles shows that several saves of a file within one batch window become one row. Three to five hands are
// played at each table within a second, and the file is saved after each hand.
func (d *demo) modifiedFiles(ctx context.Context) {
	const hands, pace = 5, 180 * time.Millisecond
	files, before := d.some(0, 60), len(d.saves)
	last := make([]*save, len(files))
	d.cable.resetCounters()
	begun, tick := time.Now(), time.Tick(pace)
	for hand := range hands {
		for i, f := range files {
			if hand >= hands-i%3 {
				continue
			}
			if hand > 0 {
				last[i].passing = true
			}
			f.session.Play(1)
			last[i] = d.save(f, inPlace)
		}
		<-tick
	}
	saving := time.Since(begun)
	arrived := d.untilRows(ctx, begun, last)
	d.say("%d sessions were saved %d times within %s: %d rows in %s.", len(files), len(d.saves)-before, short(saving),
		d.cable.rows.Load(), plural(d.cable.requests.Load(), "request"))
	d.say("The last save of each is in the table %s after the first of them.", arrived)
}

// outage shows that the queue holds new files while the table cannot be reached, even files that are deleted then.
func (d *demo) outage(ctx context.Context) {
	const files, deleted, attempts = 40, 5, 3
	d.cable.resetCounters()
	d.cable.cut.Store(true)
	defer d.cable.cut.Store(false)
	saves := d.saveNew(files)
	offline := d.untilStatus(ctx, "all new files in the queue", func(st *reconcile.Status) bool {
		return st.Queued == files && st.Link == "offline"
	})
	for _, f := range d.some(len(d.files)-files, deleted) {
		check(os.Remove(d.abs(f.path)))
	}
	d.untilStatus(ctx, "the deleted files noticed", func(st *reconcile.Status) bool {
		return st.Gone == offline.Gone+deleted && d.cable.refused.Load() >= attempts
	})
	d.say("Cable cut, %d new files: the link is %s, queue depth %d. %d of the files were then deleted.",
		files, offline.Link, offline.Queued, deleted)

	mended := time.Now()
	d.cable.cut.Store(false)
	d.untilRows(ctx, mended, saves)
	d.untilStatus(ctx, "the queue empty", func(st *reconcile.Status) bool {
		return st.Queued == 0 && st.Link == "online"
	})
	d.say("Cable mended after %s in vain: %d rows in %s, queue depth 0 after %s.",
		plural(d.cable.refused.Load(), "attempt"), d.cable.rows.Load(),
		plural(d.cable.requests.Load(), "request"), short(time.Since(mended)))
}

// nobodyWatches shows that an agent finds at its start what happened while none was running.
func (d *demo) nobodyWatches(ctx context.Context) {
	const each = 10
	before := must(reconcile.ReadStatus(ctx, d.state))
	stopping := time.Now()
	check(d.stopAgent())
	stopped := time.Since(stopping)
	var modified []*save
	for _, f := range d.some(100, each) {
		f.session.Play(1)
		modified = append(modified, d.save(f, inPlace))
	}
	removed := d.some(150, each)
	for _, f := range removed {
		check(os.Remove(d.abs(f.path)))
	}
	created := d.saveNew(each)
	d.say("The agent was stopped (%s); %d files were created, %d modified, %d deleted.", short(stopped),
		each, len(modified), len(removed))

	begun := time.Now()
	d.startAgent(ctx)
	createdTook, modifiedTook := d.untilRows(ctx, begun, created), d.untilRows(ctx, begun, modified)
	d.untilStatus(ctx, "the deleted files noticed", func(st *reconcile.Status) bool {
		return st.Gone == before.Gone+len(removed)
	})
	d.say("Started again, it found them: the new ones are rows after %s, the modified ones, in a batch, after %s.",
		createdTook, modifiedTook)
}

// brokenFile shows that half a file is reported, and that it is sent when it is complete.
func (d *demo) brokenFile(ctx context.Context) {
	f := d.newFile()
	content := f.session.JSON()
	half := len(content) / 2
	begun := time.Now()
	inPlace(d.abs(f.path), content[:half])
	var invalid []hashindex.Entry
	until(ctx, "the broken file listed as invalid", func() bool {
		invalid = must(d.state.Index.List(ctx, hashindex.Invalid, fileid.ID{}, 1))
		return len(invalid) > 0
	})
	d.say("Half a file is listed as invalid after %s: %q: %s.", short(time.Since(begun)), f.path, invalid[0].Error)

	s := d.save(f, func(name string, content []byte) {
		rest := must(os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644))
		must(rest.Write(content[half:]))
		check(rest.Close())
	})
	took := d.untilRows(ctx, s.done, []*save{s})
	d.untilStatus(ctx, "the complete file no longer listed as invalid", func(st *reconcile.Status) bool {
		return st.Invalid == 0
	})
	d.say("Its other half was written: the row is committed %s later, and nothing is invalid any more.", took)
}

// gap shows that a full pass finds what no event and no scan reports: rows lost in the table, and a change of a file
// that leaves its size and its time as they were. The running agent makes the pass.
func (d *demo) gap(ctx context.Context) {
	const lost = 5
	// The names of these types are equally long.
	const typeBefore, typeAfter = "MAIN_TABLE", "SIDE_TABLE"
	var f *file
	until(ctx, "a file that no scan hashes again", func() bool {
		for _, f = range d.some(110, 40) {
			e, _, err := d.state.Index.Get(ctx, fileid.ID{Path: f.path})
			check(err)
			if e.State == hashindex.Synced && !e.Racy && f.session.Type == typeBefore {
				return d.agent.Idle()
			}
		}
		return false
	})
	for _, f := range d.some(60, lost) {
		hash := hashindex.XXH3.Sum(f.session.JSON())
		must(d.table.ExecContext(ctx, `DELETE FROM gfx_sessions WHERE file_hash = ?`, hash))
	}
	f.session.Type = typeAfter
	s := d.save(f, byRename(must(os.Stat(d.abs(f.path))).ModTime()))
	scan := d.untilStatus(ctx, "a scan of the folder", func(st *reconcile.Status) bool {
		return st.LastScan != nil && st.LastScan.At.After(s.done) && d.agent.Idle()
	}).LastScan
	e, _, err := d.state.Index.Get(ctx, fileid.ID{Path: f.path})
	check(err)
	require(e.Hash != s.hash, "a change that a scan does not see")
	d.say("%d rows were deleted from the table, and a file was changed with its size and time restored: "+
		"a scan of %d files saw nothing.", lost, scan.Files)

	r := must(reconcile.Reconcile(ctx, d.cfg, reconcile.Full, reconcile.PassOptions{}, nil))
	d.say("A full pass over %s, by the running agent, found %s missing and %s changed: %s uploaded, %s in all, %dms.",
		plural(r.Files, "file"), plural(r.RemoteMissing, "row"), plural(r.Changed, "file"),
		plural(r.Uploaded, "record"), plural(r.Requests, "request"), r.DurationMS)
	require(r.RemoteMissing == lost && r.Changed == 1 && r.InSync, "a pass that finds and sends all of this")
}

// latestHand is a query as graphics make it: the last hand of the session that began last.
const latestHand = "SELECT session_id_text, hand_num, pot_size, board_cards, winner_name FROM gfx_hands" +
	" ORDER BY session_id DESC, position DESC LIMIT 1"

// hands shows the rows that graphics read. The table has them as soon as it has the session.
func (d *demo) hands(ctx context.Context) {
	var hands, players, events, num, pot int64
	check(d.table.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM gfx_hands), (SELECT count(*) FROM gfx_players),
		(SELECT count(*) FROM gfx_events)`).Scan(&hands, &players, &events))
	var session, board string
	var winner sql.NullString
	check(d.table.QueryRowContext(ctx, latestHand).Scan(&session, &num, &pot, &board, &winner))
	var cards []string
	check(json.Unmarshal([]byte(board), &cards))
	d.say("gfx_hands has %s hands of %s, gfx_players %d players, gfx_events %s events.", humanize.Comma(hands),
		plural(len(d.files), "session"), players, humanize.Comma(events))
	d.say("The latest: session %s, hand %d: pot %s, board %s, won by %s.", session, num, humanize.Comma(pot),
		cmp.Or(strings.Join(cards, " "), "not dealt"), winner.String)
	var played int64
	for _, f := range d.files {
		played += int64(f.session.Hands())
	}
	require(hands == played, fmt.Sprintf("all %d hands that were played", played))
}

// verify compares the folder, the index and the table, and changes nothing.
func (d *demo) verify(ctx context.Context) {
	r := must(reconcile.Verify(ctx, &reconcile.Survey{Config: d.cfg, State: d.state}, reconcile.Full))
	d.say("Folder, index and table are %s: %s files, %s of them hashed (%s).",
		map[bool]string{true: "in sync", false: "not in sync"}[r.InSync], humanize.Comma(int64(r.Files)),
		humanize.Comma(r.Hashed), humanize.IBytes(uint64(r.BytesHashed)))
	d.say("New %d, changed %d, gone %d, missing in the table %d, waiting %d, dead %d, invalid %d: %s, %dms.",
		r.Added, r.Changed, r.Gone, r.RemoteMissing, r.Pending+r.Queued, r.Dead, r.Invalid,
		plural(r.Requests, "request"), r.DurationMS)
	for _, p := range r.Problems {
		d.say("%s", p)
	}
	require(r.InSync, "folder and table in sync")
}
