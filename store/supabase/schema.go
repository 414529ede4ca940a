package supabase

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/gfxsync/gfxsync/store"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

var schemaTemplates = template.Must(template.ParseFS(schemaFiles, "schema/*.sql"))

// SchemaSQL returns the SQL that makes the table with its indexes, functions and views where they are absent, and
// adds to an existing table what it lacks. It changes no row and no existing column. It may be applied at any time
// and again, as one query of many statements or a statement at a time; where there is nothing to do it takes no lock
// but a reader's.
//
// The table will be unique on the key. Without one, a new table is unique on file_hash, and a table that is unique on
// any of the keys stays as it is. The names must be of letters, digits and underscores; they are taken as written, in
// upper and lower case.
func SchemaSQL(schema, table string, key ...store.ConflictKey) string {
	return SchemaParts{}.SQL(schema, table, key...)
}

// SchemaSQLConcurrently returns what SchemaSQL does in the form for a large table in use. Its indexes are built while
// rows come in. It is a script for psql, which must not run it in a transaction.
func SchemaSQLConcurrently(schema, table string, key ...store.ConflictKey) string {
	return SchemaParts{Concurrently: true}.SQL(schema, table, key...)
}

// SchemaParts says what the SQL is made of besides the table with its indexes, functions and views.
type SchemaParts struct {
	Concurrently bool // in the form of SchemaSQLConcurrently
	// Hands are the tables of hands, players and events, and what expands the sessions into them.
	Hands bool
}

// schemaData is what the templates are filled with. Tables and views are quoted and with their schema, other names
// are neither.
type schemaData struct {
	SchemaParts

	Schema, Table, Current, Digest string

	Key    string // the columns of the key, empty: what the table is unique on already
	NewKey string // those of the constraint that a table without any gets

	ByPC, BySession bool

	Unique, Versions, DigestOfAll, DigestOfPCs, ByCreated, ByHash string // indexes

	Prefixes         string // statistics
	DeleteSuperseded string // function
}

// All is the data for what goes by sessions across all PCs.
func (d schemaData) All() schemaData {
	d.ByPC = false
	return d
}

// SQL returns what SchemaSQL does, with the parts.
func (p SchemaParts) SQL(schema, table string, key ...store.ConflictKey) string {
	quote := func(name string) string { return `"` + name + `"` }
	within := func(name string) string { return quote(schema) + "." + quote(name) }
	data := schemaData{
		SchemaParts:      p,
		Schema:           quote(schema),
		Table:            within(table),
		Current:          within(table + "_current"),
		Digest:           within(digestView(table)),
		NewKey:           store.ByHash.String(),
		Unique:           derived(table, "_gfxsync_key"),
		Versions:         derived(table, "_gfxsync_versions"),
		DigestOfAll:      derived(table, "_gfxsync_digest"),
		DigestOfPCs:      derived(table, "_gfxsync_pc_digest"),
		ByCreated:        derived(table, "_gfxsync_created"),
		ByHash:           derived(table, "_gfxsync_hash"),
		Prefixes:         derived(table, "_gfxsync_prefixes"),
		DeleteSuperseded: derived(table, "_delete_superseded"),
	}
	if len(key) > 0 {
		data.Key, data.NewKey = key[0].String(), key[0].String()
		data.ByPC, data.BySession = key[0] == store.ByPCAndHash, key[0] == store.BySession
	}
	var sql strings.Builder
	if err := schemaTemplates.ExecuteTemplate(&sql, "schema.sql", data); err != nil {
		panic(err) // the templates do not fit schemaData
	}
	return sql.String()
}

// derived returns a name for what belongs to the table. PostgreSQL would cut a longer one than 63 bytes, and two
// tables could share it.
func derived(table, suffix string) string {
	const most = 63
	if len(table)+len(suffix) <= most {
		return table + suffix
	}
	mark := fmt.Sprintf("_%x", sha256.Sum256([]byte(table)))[:9]
	return table[:most-len(suffix)-len(mark)] + mark + suffix
}
