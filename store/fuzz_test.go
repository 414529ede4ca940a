package store_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store/hostile"
)

func FuzzMakeRecord(f *testing.F) {
	f.Add("1015/PGFX_live_data_export GameID=638961999170907267.json", hostile.Session())
	for _, file := range hostile.Files() {
		if len(file.Content) < 4<<10 { // mutating long inputs is slow and finds little
			f.Add("d/"+file.Name+".json", file.Content)
		}
	}
	f.Add("a\x00b\xff.json", hostile.Nested(500, `{"a":[`, `]}`))
	f.Fuzz(func(t *testing.T, path string, content []byte) { checkMade(t, path, content) })
}
