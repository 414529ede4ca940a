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

// SchemaSQL returns SQL that makes the table with its indexes, functions and views if they do not exist. It adds to an
// existing table what the table lacks. It changes no row and no existing column. It may be applied at any time and
// again, as one query of many statements or one statement at a time. If there is nothing to do, it takes only the lock
// of a reader.
//
// The table becomes unique on the key. Without a key, a new table becomes unique on file_hash, and a table that is
// unique on any of the keys stays as it is. The names must consist of letters, digits and underscores. Their case is
// kept.
func SchemaSQL(schema, table string, key ...store.ConflictKey) string {
	return SchemaParts{}.SQL(schema, table, key...)
}

// SchemaSQLConcurrently is SchemaSQL for a large table in use. The SQL builds the indexes while rows come in. It is a
// script for psql, which must not run it in a transaction.
func SchemaSQLConcurrently(schema, table string, key ...store.ConflictKey) string {
	return SchemaParts{Concurrently: true}.SQL(schema, table, key...)
}

// SchemaParts says what the SQL contains besides the table with its indexes, functions and views.
type SchemaParts struct {
	Concurrently bool // the form of SchemaSQLConcurrently
	// Hands adds the tables of hands, players and events, and the functions that expand sessions into them.
	Hands bool
}

// schemaData is the data for the templates. The names of tables and views are quoted and have their schema. Other names
// are not quoted and have no schema.
type schemaData struct {
	SchemaParts

	Schema, Table, Current, Digest string

	Key    string // the columns of the key; empty: the table may stay unique on any key
	NewKey string // the columns of the constraint for a table that has none

	ByPC, BySession bool

	Unique, Versions, DigestOfAll, DigestOfPCs, ByCreated, ByHash string // indexes

	Prefixes         string // statistics
	DeleteSuperseded string // function
}

// All returns the data for objects that treat the sessions of all PCs alike.
func (d schemaData) All() schemaData {
	d.ByPC = false
	return d
}

// SQL is SchemaSQL with these parts.
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
		panic(err) // the templates and schemaData do not fit, which the tests would show
	}
	return sql.String()
}

// derived returns the name of an object that belongs to the table. PostgreSQL cuts names after 63 bytes, and so two
// tables could share a name. A longer name is shortened here and gets a hash of the table's name.
func derived(table, suffix string) string {
	const most = 63
	if len(table)+len(suffix) <= most {
		return table + suffix
	}
	mark := fmt.Sprintf("_%x", sha256.Sum256([]byte(table)))[:9]
	return table[:most-len(suffix)-len(mark)] + mark + suffix
}
