package doctor

import (
	"encoding/json"
	"fmt"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// firstSession is the ID of the first made-up session. It has 18 digits, as the IDs of PokerGFX have. No real session
// has it: PokerGFX takes the time for the ID, and this ID is a time in the year 317.
const firstSession = 100_000_000_000_000_001

// Rows returns made-up rows like those that the agent sends: one for each type of table. The server is asked to store
// them and to undo that (see supabase.CheckOptions).
func Rows(hash hashindex.Algorithm, pcID string) (rows []store.Record) {
	for i, kind := range []string{"FEATURE_TABLE", "MAIN_TABLE", "FINAL_TABLE", "SIDE_TABLE", ""} {
		content, err := json.Marshal(map[string]any{
			"ID": firstSession + i, "Type": kind, "EventTitle": "gfxsync check", "SoftwareVersion": "PokerGFX 3.2",
			"CreatedDateTimeUTC": "2025-10-16T13:25:17.0907267Z", "Payouts": []int{0}, "Hands": []any{},
		})
		if err != nil {
			panic(err) // numbers and texts always encode
		}
		row, err := store.MakeRecord(store.Origin{
			Source:   fileid.ID{Path: fmt.Sprintf("gfxsync-check-%d.json", i)},
			FileHash: hash.Sum(content), GFXPCID: pcID, SyncSource: "gfxsync", ModTime: 1760621117_000000000,
		}, content)
		if err != nil {
			panic(err) // the content is an object
		}
		rows = append(rows, row)
	}
	return rows
}
