package supabase

import (
	_ "embed"
	"strings"

	"github.com/gfxsync/gfxsync/store"
)

//go:embed schema.sql
var schemaSQL string

// SchemaSQL returns the SQL that makes the table, unique on the conflict key, and its digest view where they are absent. The names
// must be plain identifiers.
func SchemaSQL(schema, table string, conflict store.ConflictKey) string {
	return strings.NewReplacer("{{schema}}", schema, "{{table}}", table, "{{digest}}", digestView(table), "{{conflict}}", conflict.String()).
		Replace(schemaSQL)
}
