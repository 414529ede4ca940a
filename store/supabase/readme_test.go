package supabase_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

// Each block of SQL that README shows to those who read the table can be run.
func TestTheSQLForReaders(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, realtimeSchema)
	p.Exec(t, withHands.SQL(p.schema, p.table))
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## For those who read the table\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```sql\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("README shows %d blocks of SQL", len(blocks))
	}
	for _, block := range blocks {
		sql, _, _ := strings.Cut(block, "```")
		p.Exec(t, sql)
	}
}
