package supabase

import (
	_ "embed"
	"strings"
	"text/template"

	"github.com/gfxsync/gfxsync/store"
)

//go:embed schema.sql
var schemaText string

var schemaTemplate = template.Must(template.New("schema.sql").Parse(schemaText))

// SchemaSQL returns the SQL that makes the table, unique on the conflict key, with its indexes and views where they are absent, and
// adds to an existing table what it lacks. It changes no row and no existing column, and may be applied again at any time. The names
// must be of letters, digits and underscores; they are taken as written, in upper and lower case.
func SchemaSQL(schema, table string, conflict store.ConflictKey) string {
	quote := func(name string) string { return `"` + name + `"` }
	within := func(name string) string { return quote(schema) + "." + quote(name) }
	var sql strings.Builder
	err := schemaTemplate.Execute(&sql, map[string]any{
		"Schema":       quote(schema),
		"Table":        within(table),
		"Current":      within(table + "_current"),
		"Digest":       within(digestView(table)),
		"Conflict":     strings.Join(conflict.Columns(), ", "),
		"ConflictList": "'" + strings.Join(conflict.Columns(), "', '") + "'",
		"ByPC":         conflict == store.ByPCAndHash,
		"BySession":    conflict == store.BySession,
	})
	if err != nil {
		panic(err) // the template does not fit this function
	}
	return sql.String()
}
