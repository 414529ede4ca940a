// Package doctor tries what an agent needs of the machine that it runs on, and says how to repair what fails.
package doctor

import (
	"context"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// Setup is what the settings of an agent say of its machine.
type Setup struct {
	Roots     []hashindex.Root
	Pattern   watch.Pattern
	Schedules reconcile.Schedules
	HotScans  reconcile.HotScans
	QueueDB   string
}

// Check tries every part of the set-up: each watch path, the queue database, and the disk of the queue database. It
// changes none of them.
func Check(ctx context.Context, s Setup) (findings []store.Finding) {
	for _, root := range s.Roots {
		findings = append(findings, checkRoot(ctx, patience, root, s)...)
	}
	return append(findings, checkQueue(ctx, s.QueueDB)...)
}
