package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// An outage of hours fills the queue with sessions of some MiB each; SQLite needs room for as much again while it writes.
const (
	leastFree = 100 << 20
	fairFree  = 1 << 30
)

// Queue checks the queue database and its disk. It makes neither the file nor its directory, and changes neither.
func Queue(ctx context.Context, path string) []store.Finding {
	dir, err := sqlite.ExistingParent(path)
	if err != nil {
		return []store.Finding{
			{Part: "queue", Verdict: store.Fail, Text: fmt.Sprintf("%s cannot be made: %v", path, err), Hint: elsewhereHint},
			noPlace,
		}
	}
	return []store.Finding{onLocalDisk(queue(ctx, path), of(dir), path), disk(dir)}
}

var noPlace = store.Finding{
	Part: "disk", Verdict: store.Skipped, Text: "not tested: there is no place for the queue database",
}

const elsewhereHint = "let the account gfxsync runs under write there, or set GFX_SYNC_QUEUE_DB_PATH to another place on a local disk"

func queue(ctx context.Context, path string) store.Finding {
	f := store.Finding{Part: "queue", Verdict: store.OK}
	agent, err := tryQueue(ctx, path)
	switch {
	case errors.Is(err, sqlite.ErrMissing):
		if err := sqlite.CheckPlace(path); err != nil {
			f.Verdict, f.Text, f.Hint = store.Fail, fmt.Sprintf("%s cannot be made: %v", path, err), elsewhereHint
			return f
		}
		f.Text = path + " is not there yet, and can be made"
	case errors.Is(err, sqlite.ErrDamaged):
		f.Verdict, f.Text = store.Fail, err.Error()
		f.Hint = "start the agent anew: it sets the file aside, rescues what can be read of its queue, and compares everything"
	case errors.Is(err, sqlite.ErrNewer):
		f.Verdict, f.Text, f.Hint = store.Fail, err.Error(), "use the newest gfxsync that has run here"
	case err != nil:
		f.Verdict, f.Text, f.Hint = store.Fail, err.Error(), elsewhereHint
	default:
		f.Text = fmt.Sprintf("%s can be read and written; %s", path, agent)
	}
	return f
}

// tryQueue fails as state.OpenExisting and state.Check do.
func tryQueue(ctx context.Context, path string) (agent string, err error) {
	s, err := state.OpenExisting(ctx, path)
	if err != nil {
		return "", err
	}
	agent = "no agent runs on it"
	if err = s.Check(ctx); err == nil {
		var locked bool
		if locked, err = s.Locked(); locked {
			agent = "an agent runs on it"
		}
	}
	return agent, errors.Join(err, s.Close())
}

// onLocalDisk adds to a finding where the file is: SQLite's write-ahead log does not work over a network (its documentation,
// "Write-Ahead Logging").
func onLocalDisk(f store.Finding, on filesystem, path string) store.Finding {
	const hint = "set GFX_SYNC_QUEUE_DB_PATH to a place on a disk of this machine"
	switch {
	case f.Verdict == store.Fail:
	case on.place == onNetwork:
		f.Verdict, f.Text, f.Hint = store.Fail, fmt.Sprintf("%s is on a network share (%s), where it can be damaged", path, on.name), hint
	case on.place == behindProgram:
		f.Verdict, f.Text, f.Hint = store.Warn, fmt.Sprintf("%s is on a %s mount; should that be a network share, it can be damaged", path, on.name), hint
	}
	return f
}

// QueuePlace says whether a queue database at path is on a disk of this machine: if not, the verdict is Fail or, where that cannot be
// known, Warn.
func QueuePlace(path string) store.Finding {
	f := store.Finding{Part: "queue", Verdict: store.OK}
	if dir, err := sqlite.ExistingParent(path); err == nil {
		f = onLocalDisk(f, of(dir), path)
	}
	return f
}

// QueueDisk says whether there is room for a queue database at path.
func QueueDisk(path string) store.Finding {
	dir, err := sqlite.ExistingParent(path)
	if err != nil {
		return noPlace
	}
	return disk(dir)
}

func disk(dir string) store.Finding {
	free, err := freeSpace(dir)
	if err != nil {
		return store.Finding{Part: "disk", Verdict: store.Skipped, Text: fmt.Sprintf("not tested: the free space of %s: %v", dir, err)}
	}
	return room(dir, free)
}

func room(dir string, free uint64) store.Finding {
	f := store.Finding{
		Part: "disk", Verdict: store.OK, Text: fmt.Sprintf("%s free for the queue database", humanize.IBytes(free)),
		Hint: "free some space on the disk of " + dir + ": in an outage the queue grows with every session",
	}
	switch {
	case free < leastFree:
		f.Verdict = store.Fail
	case free < fairFree:
		f.Verdict = store.Warn
	default:
		f.Hint = ""
	}
	return f
}
