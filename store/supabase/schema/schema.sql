-- gfxsync: the table {{.Table}}, its indexes, functions and views. This SQL needs PostgreSQL 15 or newer. It may be
-- applied at any time, and again. It adds what is missing, and changes no row and no existing column. If nothing is
-- missing, it takes only the lock of a reader, and blocks nobody. If something is missing, it waits at most 5 seconds
-- for each lock (unless lock_timeout is already set), and then fails, so that it does not block the table. In that
-- case, apply it again later.
{{- if .Concurrently}}
-- This is the form for a large table that is in use. It builds the indexes while rows come in. It is for psql, outside
-- a transaction:
--   psql -f FILE        (not psql -1, and not the SQL editor, because both run it in one transaction)
-- If it is interrupted, apply it again. It begins by dropping indexes that are only half built.
\set ON_ERROR_STOP on
SET statement_timeout = 0;
{{- else}}
-- With psql, apply it in one transaction: psql -1 -v ON_ERROR_STOP=1 -f FILE
-- While an index is built, no row can be written. For a table that is in use and has more than about 100,000 rows,
-- apply what gfxsync schema --concurrently prints instead.
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
