package supabase

import "strings"

// RealtimeSQL returns the SQL that has each new or changed hand announced on a private channel of Supabase Realtime.
// It needs what the SQL of the hands makes. Where there is no Realtime it raises a notice and changes nothing. Like
// that of SchemaSQL, it may be applied at any time and again.
func RealtimeSQL(schema, table string) string { return realtimeSQL("realtime.sql", schema, table) }

// PublicationSQL returns the SQL that adds the tables of the hands to the publication of Supabase Realtime, for front
// ends that subscribe to changes of tables. It is like RealtimeSQL in all else.
func PublicationSQL(schema, table string) string {
	return realtimeSQL("realtime_publication.sql", schema, table)
}

func realtimeSQL(file, schema, table string) string {
	schema = `"` + schema + `"`
	var sql strings.Builder
	data := struct{ Schema, Table string }{schema, schema + `."` + table + `"`}
	if err := schemaTemplates.ExecuteTemplate(&sql, file, data); err != nil {
		panic(err) // the template does not fit its data
	}
	return sql.String()
}
