
-- The unique constraint and the indexes.
DO $gfxsync$
DECLARE
	item   text;
	key    text;
	usable boolean;
BEGIN
	{{- template "patience"}}
	FOR item IN
		{{template "leftovers" .}}
	LOOP
		EXECUTE item;
	END LOOP;

	-- If there is no unique index yet and there are duplicate rows, PostgreSQL says "could not create unique index".
	-- This query shows them:
	--   SELECT {{.NewKey}}, count(*) FROM {{.Table}} GROUP BY {{.NewKey}} HAVING count(*) > 1;
	-- A unique constraint on other columns stays and still refuses rows. Drop it if you do not want that.
	{{- if .ByPC}}
	-- A unique constraint on file_hash alone refuses the same file from a second PC. Rows without a gfx_pc_id belong to
	-- no PC.
	{{- end}}
	key := coalesce(({{template "key" .}}
	), '{{.NewKey}}');
	SELECT bool_and(i.indimmediate) INTO usable
	FROM (SELECT key AS columns) AS k JOIN pg_index i ON {{template "unique" .}};
	IF usable IS NULL THEN
		EXECUTE format('ALTER TABLE {{.Table}} ADD UNIQUE (%s)', key);
	ELSIF NOT usable THEN
		RAISE EXCEPTION 'the unique constraint of % on (%) is deferrable, and then ON CONFLICT takes none', '{{.Table}}', key
			USING HINT = 'Drop the constraint, and apply this again: it adds one that is not.';
	END IF;
{{- template "hands column" .}}

	FOR item IN {{template "missing" .}}
	LOOP
		EXECUTE item;
	END LOOP;
END
$gfxsync$;
