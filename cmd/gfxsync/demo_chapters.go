package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
)

// newFiles: each goes on its way at once.
func (d *demo) newFiles(ctx context.Context) error {
	const files, pace = 200, 10 * time.Millisecond
	if err := d.listening(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var saves []*save
	for i := range files {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		s, err := d.save(d.newFile(), []writing{inPlace, inPlace, byRename}[i%3])
		if err != nil {
			return err
		}
		saves = append(saves, s)
	}
	if err := d.arrival(ctx, saves...); err != nil {
		return err
	}
	var fromDone, fromBegun []time.Duration
	for _, s := range saves {
		at := d.cable.committedAt(s.hash)
		fromDone, fromBegun = append(fromDone, at.Sub(s.done)), append(fromBegun, at.Sub(s.begun))
	}
	d.say("%d sessions, one every %s, every third renamed into place, half of them in the folder %q.", files, pace, demoFolders[1])
	d.say("From file complete on disk to row committed: %s.", percentiles(fromDone))
	d.say("From before the first byte was written:      %s.", percentiles(fromBegun))
	return nil
}

// listening waits until the agent hears of every folder, so that what follows measures notifications and not the scan at the start.
func (d *demo) listening(ctx context.Context) error {
	err := d.statusUntil(ctx, "the agent did not scan the folder at its start", func(st *reconcile.Status) bool {
		return st.LastScan != nil && d.agent.Idle()
	})
	if err != nil {
		return err
	}
	first, err := d.saveNew(len(demoFolders))
	if err != nil {
		return err
	}
	return d.arrival(ctx, first...)
}

func percentiles(of []time.Duration) string {
	slices.Sort(of)
	rank := func(p int) time.Duration { return short(of[(len(of)*p+99)/100-1]) }
	return fmt.Sprintf("p50 %s, p99 %s, max %s", rank(50), rank(99), rank(100))
}

// modifiedFiles: hand after hand is played, and the whole file written anew each time.
func (d *demo) modifiedFiles(ctx context.Context) error {
	files := d.some(0, 60)
	begun, before := time.Now(), d.cable.since(traffic{})
	last, count, err := d.playOn(ctx, files)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	if err := d.arrival(ctx, last...); err != nil {
		return err
	}
	sent := d.cable.since(before)
	d.say("%d sessions were saved %d times within %s: %d rows in %s.", len(files), count, short(took), sent.rows, plural(sent.requests, "request"))
	d.say("The last save of each is in the table %s after the first of them.", short(d.latest(begun, last)))
	return nil
}

// playOn plays three to five hands at each table within a second, saving after every one, and returns the last save of each.
func (d *demo) playOn(ctx context.Context, files []*demoFile) (last []*save, count int, err error) {
	const most, pace = 5, 180 * time.Millisecond
	last = make([]*save, len(files))
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for hand := range most {
		for i, f := range files {
			if hand >= most-i%3 {
				continue
			}
			f.session.Play(1)
			s, err := d.save(f, inPlace)
			if err != nil {
				return nil, 0, err
			}
			if last[i] != nil {
				last[i].passing = true
			}
			last[i] = s
			count++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
	return last, count, nil
}

// outage: what arrives while the table cannot be reached waits in the queue, content and all.
func (d *demo) outage(ctx context.Context) error {
	const files, deleted, attempts = 40, 5, 3
	was, err := d.status(ctx)
	if err != nil {
		return err
	}
	before := d.cable.since(traffic{})
	d.cable.cut()
	defer d.cable.mend()
	saves, err := d.saveNew(files)
	if err != nil {
		return err
	}
	var status reconcile.Status
	err = d.statusUntil(ctx, "the queue did not take the files in", func(st *reconcile.Status) bool {
		status = *st
		return st.Queued == files && st.Link == "offline"
	})
	if err != nil {
		return err
	}
	if err := d.remove(d.some(len(d.files)-files, deleted)); err != nil {
		return err
	}
	err = d.statusUntil(ctx, "the deleted files were not noticed", func(st *reconcile.Status) bool {
		return st.Gone == was.Gone+deleted && d.cable.since(before).refused >= attempts
	})
	if err != nil {
		return err
	}
	d.say("Cable cut, %d new files: the link is %s, queue depth %d. %d of the files were then deleted.", files, status.Link, status.Queued, deleted)
	return d.drain(ctx, before, saves)
}

func (d *demo) drain(ctx context.Context, before traffic, saves []*save) error {
	mended := time.Now()
	d.cable.mend()
	if err := d.arrival(ctx, saves...); err != nil {
		return err
	}
	err := d.statusUntil(ctx, "the queue did not drain", func(st *reconcile.Status) bool { return st.Queued == 0 && st.Link == "online" })
	if err != nil {
		return err
	}
	sent := d.cable.since(before)
	d.say("Cable mended after %s in vain: %d rows in %s, queue depth 0 after %s.", plural(sent.refused, "attempt"), sent.rows,
		plural(sent.requests, "request"), short(time.Since(mended)))
	return nil
}

// nobodyWatches: what happens while the agent is off is found by the scan at its start.
func (d *demo) nobodyWatches(ctx context.Context) error {
	const each = 10
	before, err := d.status(ctx)
	if err != nil {
		return err
	}
	stopping := time.Now()
	if err := d.stopAgent(); err != nil {
		return err
	}
	stopped := time.Since(stopping)
	changed := d.some(100, each)
	for _, f := range changed {
		f.session.Play(1)
	}
	modified, err := d.saveAll(changed)
	if err != nil {
		return err
	}
	removed := d.some(150, each)
	if err := d.remove(removed); err != nil {
		return err
	}
	created, err := d.saveNew(each)
	if err != nil {
		return err
	}
	d.say("The agent was stopped (%s); %d files were created, %d modified, %d deleted.", short(stopped), each, len(changed), len(removed))
	begun := time.Now()
	if err := d.startAgent(ctx); err != nil {
		return err
	}
	if err := d.arrival(ctx, slices.Concat(created, modified)...); err != nil {
		return err
	}
	err = d.statusUntil(ctx, "the deleted files were not noticed", func(st *reconcile.Status) bool { return st.Gone == before.Gone+len(removed) })
	if err != nil {
		return err
	}
	d.say("Started again, it found them: the new ones are rows after %s, the modified ones, in a batch, after %s.",
		short(d.latest(begun, created)), short(d.latest(begun, modified)))
	return nil
}

// brokenFile: half a file is reported, and arrives once it is whole.
func (d *demo) brokenFile(ctx context.Context) error {
	f := d.newFile()
	content := f.session.JSON()
	half := len(content) / 2
	begun := time.Now()
	if err := os.WriteFile(d.abs(f.path), content[:half], 0o644); err != nil {
		return err
	}
	var broken hashindex.Entry
	err := until(ctx, "the broken file was not reported", func() (bool, error) {
		page, err := d.state.Index.List(ctx, hashindex.Invalid, hashindex.Key{}, 1)
		if len(page) == 1 {
			broken = page[0]
		}
		return len(page) == 1, err
	})
	if err != nil {
		return err
	}
	d.say("Half a file is listed as invalid after %s: %q: %s.", short(time.Since(begun)), norm.NFC.String(broken.Path), broken.Error)
	s, err := d.save(f, theRestAfter(half))
	if err != nil {
		return err
	}
	if err := d.arrival(ctx, s); err != nil {
		return err
	}
	err = d.statusUntil(ctx, "the completed file is still listed as invalid", func(st *reconcile.Status) bool { return st.Invalid == 0 })
	if err != nil {
		return err
	}
	d.say("Its other half was written: the row is committed %s later, and nothing is invalid any more.", short(d.latest(s.done, []*save{s})))
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
