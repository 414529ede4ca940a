package supabase

import (
	_ "embed"
	"strings"
)

//go:embed schema.sql
var schemaSQL string

// SchemaSQL returns the SQL that makes the table and its digest view where they are absent. The names must be plain identifiers.
func SchemaSQL(schema, table string) string {
	return strings.NewReplacer("{{schema}}", schema, "{{table}}", table, "{{digest}}", digestView(table)).Replace(schemaSQL)
}
