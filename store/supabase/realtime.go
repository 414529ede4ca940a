package supabase

import "strings"

// RealtimeSQL returns SQL that makes the database announce each new or changed hand on a private channel of Supabase
// Realtime. It requires the tables of SchemaParts.Hands. Without Realtime it raises a notice and changes nothing. Like
// the SQL of SchemaSQL, it may be applied at any time and again.
func RealtimeSQL(schema, table string) string { return realtimeSQL("realtime.sql", schema, table) }

// PublicationSQL returns SQL that adds the tables of hands to the publication of Supabase Realtime, for front ends that
// subscribe to changes of tables. Otherwise it is like RealtimeSQL.
func PublicationSQL(schema, table string) string {
	return realtimeSQL("realtime_publication.sql", schema, table)
}

func realtimeSQL(file, schema, table string) string {
	schema = `"` + schema + `"`
	var sql strings.Builder
	data := struct{ Schema, Table string }{schema, schema + `."` + table + `"`}
	if err := schemaTemplates.ExecuteTemplate(&sql, file, data); err != nil {
		panic(err) // the template and its data do not fit, which the tests would show
	}
	return sql.String()
}
