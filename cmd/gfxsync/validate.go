package main

import (
	"fmt"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// errNoQueueDB is for an account without a home directory, for which there is no default path.
var errNoQueueDB = fmt.Errorf("%w: GFX_SYNC_QUEUE_DB_PATH is not set: expected the path of a file", errSettings)

// validate refuses settings of an agent that do not fit together, or that are not complete.
func (s *settings) validate() error {
	switch {
	case s.localDB == "" && s.supabaseURL == nil:
		return fmt.Errorf("%w: GFX_SYNC_SUPABASE_URL is not set: expected the URL of the project, or --local FILE",
			errSettings)
	case s.localDB == "" && s.key == nil:
		return fmt.Errorf("%w: GFX_SYNC_SUPABASE_SERVICE_KEY is not set: expected the project's secret key "+
			"(Supabase dashboard, Project Settings, API Keys)", errSettings)
	case len(s.roots) == 0:
		return fmt.Errorf("%w: GFX_SYNC_GFX_WATCH_PATH is not set: expected the path of the folder that PokerGFX "+
			"writes to", errSettings)
	case s.queueDB == "":
		return errNoQueueDB
	case s.localDB != "" && !s.mayBeByHash():
		return fmt.Errorf("%w: GFX_SYNC_ON_CONFLICT is %s, but the table of GFX_SYNC_LOCAL_DB is unique on file_hash: "+
			"leave one of them out", errSettings, s.conflict)
	}
	if err := s.validateFiles(); err != nil {
		return err
	}
	return validateRoots(s.roots)
}

// mayBeByHash says whether the settings allow a table with one row for each file hash.
func (s *settings) mayBeByHash() bool {
	key, given := s.conflict.Key()
	return !given || key == store.ByHash
}

// validateFiles refuses one file for two purposes, and files in a watch path.
func (s *settings) validateFiles() error {
	files := []struct{ name, path string }{
		{"GFX_SYNC_LOCAL_DB", s.localDB}, {"GFX_SYNC_QUEUE_DB_PATH", s.queueDB}, {"GFX_SYNC_LOG_FILE", s.logFile},
	}
	for i, f := range files {
		if f.path == "" {
			continue
		}
		for _, other := range files[:i] {
			if other.path != "" && isSameFile(f.path, other.path) {
				return fmt.Errorf("%w: %s and %s are both %s: expected two files", errSettings, other.name, f.name,
					quoted(f.path))
			}
		}
		for _, root := range s.roots {
			if isInside(f.path, root.Dir) {
				return fmt.Errorf("%w: %s is %s: expected a path outside the watch path, in which nothing is ever "+
					"written", errSettings, f.name, quoted(f.path))
			}
		}
	}
	return nil
}

// validateRoots refuses a folder inside another. Its files would be synced twice.
func validateRoots(roots []hashindex.Root) error {
	for _, inner := range roots {
		for _, outer := range roots {
			if inner != outer && isInside(inner.Dir, outer.Dir) {
				return fmt.Errorf("%w: GFX_SYNC_GFX_WATCH_PATH: the folder of %s lies in that of %s: expected folders "+
					"beside one another", errSettings, inner.Label, outer.Label)
			}
		}
	}
	return nil
}
