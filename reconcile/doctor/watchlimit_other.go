//go:build !linux

package doctor

import "github.com/gfxsync/gfxsync/store"

func watchLimit(int) []store.Finding { return nil }
