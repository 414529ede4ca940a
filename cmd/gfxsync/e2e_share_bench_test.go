//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// BenchmarkShare measures how long a file that is written on the server of a share takes until it is a row, where no
// event tells of it: with the default settings (hot scan auto), and with scans alone (off). The table is as in
// production. The tree has 100 folders with 5,000 files. For two minutes, a file is made or saved about every three
// seconds, and each file is saved once. BENCH_SCALE (1) scales files and saves.
func BenchmarkShare(b *testing.B) {
	scale := 1.0
	if text := os.Getenv("BENCH_SCALE"); text != "" {
		var err error
		if scale, err = strconv.ParseFloat(text, 64); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range bothKinds {
		for _, hotScan := range []string{"auto", "off"} {
			b.Run(kind.name+"/hot scan "+hotScan, func(b *testing.B) {
				m := kind.open(b)
				g := supabasetest.New(b, supabasetest.WithSQL(supabasetest.ProductionTables[0].SQL))
				s := newScene(b).onSupabase(g, g.SecretKey)
				s.watch, s.env = m.dir, append(s.env, "GFX_SYNC_HOT_SCAN="+hotScan)
				folders := max(int(100*scale), 1)
				writeDays(b, m.under, folders)
				s.start()
				s.waitStatus("the tree is synced", func(st *reconcile.Status) bool {
					return st.Synced == folders*filesOfADay && st.Pending == 0
				})
				took := savesToRows(b, m.under, g, max(int(40*scale), 2))
				s.stop()
				slices.Sort(took)
				b.ReportMetric(0, "ns/op") // it would be the time of the whole
				for name, d := range map[string]time.Duration{
					"p50-s": took[len(took)/2], "p99-s": took[len(took)*99/100], "max-s": took[len(took)-1],
				} {
					b.ReportMetric(d.Seconds(), name)
				}
			})
		}
	}
}

const filesOfADay = 50

// days is in how many folders files are saved.
const days = 3

// writeDays makes a tree of folders, each with the sessions of a day. All but those of the first few are two days old.
func writeDays(b *testing.B, dir string, folders int) {
	b.Helper()
	for i := range folders * filesOfADay {
		name := filepath.Join(dir, fmt.Sprintf("day %03d", i/filesOfADay), fmt.Sprintf("GameID=%d.json", 1000+i))
		writeFile(b, name, sample.New(1000+i).Play(1).JSON())
		if i < days*filesOfADay {
			continue
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			b.Fatal(err)
		}
	}
}

// save is one content of a file, and when it was written.
type save struct {
	hash string
	at   time.Time
}

// savesToRows makes and saves files in the first folders, and returns how long each content took until it, or a later one
// of the same session, was the row.
func savesToRows(b *testing.B, dir string, g *supabasetest.Server, saves int) (took []time.Duration) {
	b.Helper()
	const every = 3 * time.Second
	next, saved := time.Now(), 0
	waiting := map[string][]save{} // by session
	var session *sample.Session
	eventuallyAt(b, 10*time.Millisecond, hangLimit, "every save is a row", func() bool {
		if saved < saves && !time.Now().Before(next) {
			// The saves must not come in step with the listings, which are a second apart.
			next = next.Add(every - time.Second/2 + rand.N(time.Second))
			if saved%2 == 0 {
				session = sample.New(500_000 + saved)
			}
			content := session.Play(1).JSON()
			name := session.FileName()
			waiting[name] = append(waiting[name], save{hashindex.XXH3.Sum(content), time.Now()})
			writeFile(b, filepath.Join(dir, fmt.Sprintf("day %03d", saved/2%days), name), content)
			saved++
		}
		for name, of := range waiting {
			row := g.QueryStrings(b, `SELECT file_hash FROM gfx_sessions WHERE file_name = $1`, name)
			at := slices.IndexFunc(of, func(s save) bool { return slices.Contains(row, s.hash) })
			for _, s := range of[:at+1] {
				took = append(took, time.Since(s.at))
			}
			if waiting[name] = of[at+1:]; len(waiting[name]) == 0 {
				delete(waiting, name)
			}
		}
		return saved == saves && len(waiting) == 0
	})
	return took
}
