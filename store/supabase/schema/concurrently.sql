
-- An interrupted attempt leaves an invalid index. It is of no use and slows down every write. It is dropped first. (By
-- hand: DROP INDEX CONCURRENTLY, for each index that \d in psql shows as INVALID.)
{{template "leftovers" .}} \gexec

-- The unique constraint. If there are duplicate rows, PostgreSQL says "could not create unique index". This query shows
-- them:
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
