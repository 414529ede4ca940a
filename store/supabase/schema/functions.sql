
-- The functions. The comment of each function ends with a fingerprint of its source and of its definition. If the
-- fingerprint is the same, there is nothing to do.
DO $gfxsync$
DECLARE
	name    text;
	callers text[];
	says    text;
	makes   text;
	item    text;
	key     CONSTANT text := ({{template "key" .}}
	);
	before  CONSTANT text := current_setting('search_path');
BEGIN
	{{- template "patience"}}
	PERFORM set_config('search_path', '', true); -- the form in which PostgreSQL prints a definition depends on it
	FOR name, callers, says, makes IN SELECT f.name, f.callers, f.says, f.makes FROM (VALUES
	(true, '{{.Schema}}.gfx_session_hands({{.Table}})', ARRAY['service_role', 'authenticated'],
		'The number of hands in raw_json; for the API a computed field: select=session_id,gfx_session_hands', replace($sql$
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_session_hands(session {{.Table}}) RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = '' AS $body$
		SELECT {{template "hands" "session."}}
	$body$
	$sql$, 'jsonb_', {{template "typed" .}})),

	(true, '{{.Schema}}.gfxsync_set_updated_at()', ARRAY[]::text[], 'Sets updated_at of a row that is updated.', $sql$
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfxsync_set_updated_at() RETURNS trigger
	LANGUAGE plpgsql SET search_path = '' AS $body$
	BEGIN
		NEW.updated_at := now();
		RETURN NEW;
	END
	$body$
	$sql$),

	(key <> 'session_id', '{{.Schema}}.gfxsync_set_raw_hands()', ARRAY[]::text[],
		'Sets raw_hands of a row that is written.', $sql$
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfxsync_set_raw_hands() RETURNS trigger
	LANGUAGE plpgsql SET search_path = '' AS $body$
	BEGIN
		NEW.raw_hands := {{.Schema}}.gfx_session_hands(NEW);
		RETURN NEW;
	END
	$body$
	$sql$),

	(key <> 'session_id', '{{.Schema}}."{{.DeleteSuperseded}}"(interval, integer)', ARRAY['service_role'],
		'Deletes rows older than keep of whose session there is a better version, and returns how many.', replace($sql$
	{{template "retention.sql" .}}
	$sql$, 'jsonb_', {{template "typed" .}}))
	) AS f (wanted, name, callers, says, makes) WHERE f.wanted
	LOOP
		{{- template "make function"}}
	END LOOP;

	-- The table may have its own trigger that does the same. Then this one is not needed.
	IF NOT EXISTS (
		SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE t.tgrelid = '{{.Table}}'::regclass AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
			AND t.tgtype & 19 = 19 -- for each row, before, update
			AND t.tgattr = '' AND t.tgqual IS NULL
			AND (p.prosrc ~* 'new\."?updated_at"?\s*:?='
				OR p.proname = 'moddatetime' AND encode(t.tgargs, 'escape') LIKE 'updated\_at%')
	) THEN
		CREATE OR REPLACE TRIGGER gfxsync_updated_at BEFORE UPDATE ON {{.Table}}
			FOR EACH ROW EXECUTE FUNCTION {{.Schema}}.gfxsync_set_updated_at();
	END IF;
	IF key <> 'session_id' AND NOT EXISTS (
		SELECT FROM pg_trigger t WHERE t.tgrelid = '{{.Table}}'::regclass AND t.tgname = 'gfxsync_raw_hands'
	) THEN
		CREATE TRIGGER gfxsync_raw_hands BEFORE INSERT OR UPDATE OF raw_json, raw_hands ON {{.Table}}
			FOR EACH ROW EXECUTE FUNCTION {{.Schema}}.gfxsync_set_raw_hands();
	END IF;
	PERFORM set_config('search_path', before, true);
END
$gfxsync$;
