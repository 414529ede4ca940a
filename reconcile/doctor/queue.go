package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// In an outage of some hours, sessions of some MiB each fill the queue. To write them, SQLite needs the same space
// again.
const (
	leastFree = 100 << 20
	fairFree  = 1 << 30
)

// checkQueue checks the queue database and its disk. It makes neither the file nor its directory, and changes neither.
func checkQueue(ctx context.Context, path string) []store.Finding {
	dir, err := sqlite.ExistingParent(path)
	if err != nil {
		return []store.Finding{cannotBeMade(path, err), noDisk}
	}
	return []store.Finding{onLocalDisk(queue(ctx, path), hashindex.FileSystemOf(dir), path), disk(dir)}
}

var noDisk = store.Finding{
	Part: "disk", Verdict: store.Skipped, Text: "not tested: there is no place for the queue database",
}

const elsewhereHint = "let the account gfxsync runs under write there, or set GFX_SYNC_QUEUE_DB_PATH to another " +
	"place on a local disk"

func cannotBeMade(path string, err error) store.Finding {
	return store.Finding{
		Part: "queue", Verdict: store.Fail, Text: fmt.Sprintf("%s cannot be made: %v", path, err), Hint: elsewhereHint,
	}
}

func queue(ctx context.Context, path string) store.Finding {
	f := store.Finding{Part: "queue", Verdict: store.Fail}
	agent, err := tryQueue(ctx, path)
	switch {
	case errors.Is(err, sqlite.ErrMissing):
		if err := sqlite.CheckPlace(path); err != nil {
			return cannotBeMade(path, err)
		}
		f.Verdict, f.Text = store.OK, path+" is not there yet, and can be made"
	case errors.Is(err, sqlite.ErrCorrupt):
		f.Text = err.Error()
		f.Hint = "start the agent anew: it sets the file aside, rescues what can be read of its queue, and compares " +
			"everything"
	case errors.Is(err, sqlite.ErrNewer):
		f.Text, f.Hint = err.Error(), "use the newest gfxsync that has run here"
	case err != nil:
		f.Text, f.Hint = err.Error(), elsewhereHint
	default:
		f.Verdict, f.Text = store.OK, fmt.Sprintf("%s can be read and written; %s", path, agent)
	}
	return f
}

// tryQueue says whether an agent runs on the queue database. Its errors are those of state.OpenExisting and of
// state.State.Check.
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

// onLocalDisk returns f, or a finding that the file is on a network share. The write-ahead log of SQLite does not work
// over a network (SQLite documentation, "Write-Ahead Logging").
func onLocalDisk(f store.Finding, on hashindex.FileSystem, path string) store.Finding {
	if f.Verdict == store.Fail {
		return f
	}
	switch on.Place {
	case hashindex.Network:
		f.Verdict = store.Fail
		f.Text = fmt.Sprintf("%s is on a network share (%s), where it can be damaged", path, on.Name)
	case hashindex.Program:
		f.Verdict = store.Warn
		f.Text = fmt.Sprintf("%s is on a %s mount; should that be a network share, it can be damaged", path, on.Name)
	default:
		return f
	}
	f.Hint = "set GFX_SYNC_QUEUE_DB_PATH to a place on a disk of this machine"
	return f
}

// QueuePlace says whether a queue database at path is on a disk of this machine. The verdict is Fail if it is not, and
// Warn if that cannot be known.
func QueuePlace(path string) store.Finding {
	f := store.Finding{Part: "queue", Verdict: store.OK}
	if dir, err := sqlite.ExistingParent(path); err == nil {
		f = onLocalDisk(f, hashindex.FileSystemOf(dir), path)
	}
	return f
}

// QueueDisk says whether the disk has enough space for a queue database at path.
func QueueDisk(path string) store.Finding {
	dir, err := sqlite.ExistingParent(path)
	if err != nil {
		return noDisk
	}
	return disk(dir)
}

func disk(dir string) store.Finding {
	free, err := freeSpace(dir)
	if err != nil {
		text := fmt.Sprintf("not tested: the free space of %s: %v", dir, err)
		return store.Finding{Part: "disk", Verdict: store.Skipped, Text: text}
	}
	return space(dir, free)
}

func space(dir string, free uint64) store.Finding {
	f := store.Finding{
		Part: "disk", Verdict: store.OK, Text: humanize.IBytes(free) + " free for the queue database",
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
