
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

	-- Where there is no unique index and rows stand in the way, PostgreSQL says "could not create unique index". These
	-- are the rows:
	--   SELECT {{.NewKey}}, count(*) FROM {{.Table}} GROUP BY {{.NewKey}} HAVING count(*) > 1;
	-- A unique constraint on other columns stays, and goes on refusing rows: drop it if it is not meant.
	{{- if .ByPC}}
	-- One on file_hash alone keeps a second PC from storing the same file. Rows without a gfx_pc_id are of no PC.
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
