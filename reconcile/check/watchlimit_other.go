//go:build !linux

package check

import "github.com/gfxsync/gfxsync/store"

func watchLimit(int) []store.Finding { return nil }
