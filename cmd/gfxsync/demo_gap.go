package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
)

// Types of tables whose names are equally long: a file that is given the one for the other keeps its size.
const typeWas, typeIs = "MAIN_TABLE", "SIDE_TABLE"

// gap: what no event and no stamp tells of is found by a full pass, which the running agent makes when it is asked to.
func (d *demo) gap(ctx context.Context) error {
	const lost = 5
	f, err := d.longKnown(ctx)
	if err != nil {
		return err
	}
	if err := d.loseRows(ctx, d.some(60, lost)); err != nil {
		return fmt.Errorf("delete rows: %w", err)
	}
	f.session.Type = typeIs
	s, err := d.save(f, unnoticed)
	if err != nil {
		return err
	}
	scanned, err := d.scannedInVain(ctx, s)
	if err != nil {
		return err
	}
	d.say("%d rows were deleted from the table, and a file was changed with its size and time restored: a scan of %d files saw nothing.",
		lost, scanned)
	r, err := reconcile.Reconcile(ctx, d.cfg, reconcile.Full, reconcile.PassOptions{}, nil)
	if err != nil {
		return err
	}
	d.say("A full pass over %s, by the running agent, found %s missing and %s changed: %s uploaded, %s in all, %dms.",
		plural(r.Files, "file"), plural(int(r.RemoteMissing), "row"), plural(int(r.Changed), "file"), plural(int(r.Uploaded), "record"),
		plural(int(r.Requests), "request"), r.DurationMS)
	if r.RemoteMissing != lost || r.Changed != 1 || !r.InSync {
		return fmt.Errorf("%w: the pass did not find and mend all of this; it ended %s", errMissing, verdict(r))
	}
	return nil
}

// longKnown returns a file whose last change the index can tell by the stamp. Younger ones are hashed by every scan.
func (d *demo) longKnown(ctx context.Context) (found *demoFile, err error) {
	err = until(ctx, "no file is past doubt", func() (bool, error) {
		for _, f := range d.some(110, 40) {
			e, known, err := d.state.Index.Get(ctx, hashindex.Key{Path: f.path})
			if err != nil {
				return false, err
			}
			if known && e.State == hashindex.Synced && !e.Racy && f.session.Type == typeWas {
				found = f
				return d.agent.Idle(), nil
			}
		}
		return false, nil
	})
	return found, err
}

// loseRows deletes the rows of these files as anybody might, past the agent and all of its code.
func (d *demo) loseRows(ctx context.Context, of []*demoFile) (err error) {
	db, err := sql.Open("sqlite", d.tableFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, f := range of {
		var id int64
		err := db.QueryRowContext(ctx, `DELETE FROM gfx_sessions WHERE file_hash = ? RETURNING id`, hashindex.XXH3.Sum(f.session.JSON())).Scan(&id)
		if err != nil {
			return err
		}
	}
	return nil
}

// unnoticed leaves the file with the size and the time that it had. Until it is renamed into place, nobody sees it with another.
func unnoticed(name string, content []byte) error {
	was, err := os.Stat(name)
	if err != nil {
		return err
	}
	if int64(len(content)) != was.Size() {
		return fmt.Errorf("%s has %d bytes, and was to have %d", name, was.Size(), len(content))
	}
	temporary := name + ".tmp"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	if err := os.Chtimes(temporary, time.Time{}, was.ModTime()); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

// scannedInVain waits for a scan after a save that it does not notice, and returns how many files it saw.
func (d *demo) scannedInVain(ctx context.Context, s *save) (files int, err error) {
	err = d.statusUntil(ctx, "the folder was not scanned", func(st *reconcile.Status) bool {
		if st.LastScan == nil || !st.LastScan.At.After(s.done) {
			return false
		}
		files = st.LastScan.Files
		return d.agent.Idle()
	})
	if err != nil {
		return 0, err
	}
	e, _, err := d.state.Index.Get(ctx, hashindex.Key{Path: s.path})
	if err == nil && e.Hash == s.hash {
		err = fmt.Errorf("%w: a change that nobody notices", errMissing)
	}
	return files, err
}

// verify: a look at everything, which changes nothing, has the last word.
func (d *demo) verify(ctx context.Context) error {
	r, err := reconcile.Verify(ctx, &reconcile.Survey{Config: d.cfg, State: d.state}, reconcile.Full)
	if err != nil {
		return err
	}
	d.say("Folder, index and table are %s: %s files, %s of them hashed (%s).", verdict(r), humanize.Comma(int64(r.Files)),
		humanize.Comma(r.Hashed), humanize.IBytes(uint64(r.BytesHashed)))
	d.say("New %d, changed %d, gone %d, missing in the table %d, waiting %d, dead %d, invalid %d: %s, %dms.", r.Added, r.Changed, r.Gone,
		r.RemoteMissing, r.Pending+r.Queued, r.Dead, r.Invalid, plural(int(r.Requests), "request"), r.DurationMS)
	for _, p := range r.Problems {
		d.say("%s", p)
	}
	if !r.InSync {
		return fmt.Errorf("%w: folder and table in sync", errMissing)
	}
	return nil
}
