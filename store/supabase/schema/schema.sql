-- gfxsync: the table {{.Table}}, its indexes, functions and views. It needs PostgreSQL 15 or newer. It may be applied
-- at any time, and again: it adds what is missing, and changes no row and no column that is there. Where nothing is
-- missing, it changes nothing and holds up nobody: it takes no lock beyond that of a reader. Where something is, it
-- waits at most 5 seconds for each lock (unless lock_timeout is set already), and fails instead of holding up the
-- table: apply it again later.
{{- if .Concurrently}}
-- This is the form for a large table that is in use: its indexes are built while rows come in. It is for psql,
-- outside a transaction:
--   psql -f FILE        (not psql -1, and not the SQL editor, which both make one transaction of it)
-- If it is interrupted, apply it again: it begins by dropping the indexes that were left half built.
\set ON_ERROR_STOP on
SET statement_timeout = 0;
{{- else}}
-- With psql, apply it as a whole or not at all: psql -1 -v ON_ERROR_STOP=1 -f FILE An index is built in one go, and
-- no row can be written meanwhile. For a table with more than some 100,000 rows that is in use, use what gfxsync
-- schema --concurrently prints.
{{- end}}

{{template "table.sql" .}}
{{- if .Concurrently}}
{{template "concurrently.sql" .}}
{{- else}}
{{template "indexes.sql" .}}
{{- end}}
{{template "rights.sql" .}}
{{template "functions.sql" .}}
{{template "views.sql" .}}
{{- if .Hands}}
{{template "hands_tables.sql" .}}
{{template "hands_functions.sql" .}}
{{template "hands_views.sql" .}}
{{- end}}
NOTIFY pgrst, 'reload schema';
