package check

import (
	"encoding/json"
	"fmt"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// firstSession is the number of the first made-up session: of 18 digits, as PokerGFX's are, and of no session there
// ever was, as PokerGFX takes the time for it (638961999170907267 is a moment in October 2025, this one in the year
// 317).
const firstSession = 100_000_000_000_000_001

// Rows are rows as the agent would send them, made up of nothing but this: one for each type of table.
func Rows(hash hashindex.Algorithm, pcID string) (rows []store.Record) {
	for i, kind := range []string{"FEATURE_TABLE", "MAIN_TABLE", "FINAL_TABLE", "SIDE_TABLE", ""} {
		content, err := json.Marshal(map[string]any{
			"ID": firstSession + i, "Type": kind, "EventTitle": "gfxsync check", "SoftwareVersion": "PokerGFX 3.2",
			"CreatedDateTimeUTC": "2025-10-16T13:25:17.0907267Z", "Payouts": []int{0}, "Hands": []any{},
		})
		if err != nil {
			panic(err) // maps of numbers and texts always encode
		}
		row, err := store.MakeRecord(store.Origin{
			Source:   store.Source{Path: fmt.Sprintf("gfxsync-check-%d.json", i)},
			FileHash: hash.Sum(content), GFXPCID: pcID, SyncSource: "gfxsync", ModTime: 1760621117_000000000,
		}, content)
		if err != nil {
			panic(err) // the content is an object
		}
		rows = append(rows, row)
	}
	return rows
}
