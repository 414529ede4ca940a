
-- What an interrupted attempt has left is an index that is not valid: it serves nobody, and costs with every row. It
-- goes first. (By hand that is DROP INDEX CONCURRENTLY, of what \d in psql shows as INVALID.)
{{template "leftovers" .}} \gexec

-- The unique constraint. Where rows stand in the way, PostgreSQL says "could not create unique index". These are the
-- rows:
--   SELECT {{.NewKey}}, count(*) FROM {{.Table}} GROUP BY {{.NewKey}} HAVING count(*) > 1;
SELECT format('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS %I ON %s (%s)', '{{.Unique}}', '{{.Table}}', k.columns)
FROM (SELECT coalesce(found.columns, '{{.NewKey}}') AS columns FROM ({{template "key" .}}
	) AS found) AS k
WHERE NOT EXISTS (SELECT FROM pg_index i WHERE {{template "unique" .}}) \gexec

DO $gfxsync$
BEGIN
	{{- template "patience"}}
	IF EXISTS (
		SELECT FROM pg_index i
		WHERE i.indexrelid = to_regclass('{{.Schema}}."{{.Unique}}"') AND i.indrelid = '{{.Table}}'::regclass AND i.indisvalid
			AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
	) THEN
		ALTER TABLE {{.Table}} ADD CONSTRAINT "{{.Unique}}" UNIQUE USING INDEX "{{.Unique}}";
	END IF;
END
$gfxsync$;

DO $gfxsync$
DECLARE
	key CONSTANT text := ({{template "key" .}}
	);
BEGIN
	{{- template "patience"}}{{template "hands column" .}}
END
$gfxsync$;

-- The other indexes.
{{template "missing" .}} \gexec
