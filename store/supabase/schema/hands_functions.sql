-- The functions of the expansion. Their column lists and casts fit the present tables. After a change of the tables,
-- apply this again.
DO $gfxsync$
DECLARE
	name    text;
	callers text[];
	says    text;
	makes   text;
	item    text;
	key     CONSTANT text := ({{template "key" .}}
	);
	by_num  CONSTANT boolean := ({{template "hands key" .}}) = 'session_id,hand_num';
	parts   jsonb;
	before  CONSTANT text := current_setting('search_path');
BEGIN
	{{- template "patience"}}
	PERFORM set_config('search_path', '', true);

	-- For each table: the columns, their values, and what a conflict sets.
	SELECT jsonb_object_agg(m.name || ' ' || w.what, w.list) INTO parts
	FROM (
		SELECT m.tab AS name,
			string_agg(format('%I', m.col), ', ' ORDER BY a.attnum) AS columns,
			string_agg(CASE WHEN d.adbin IS NULL OR a.attgenerated <> '' THEN c.term
				ELSE format('coalesce(%s, %s)', c.term, pg_get_expr(d.adbin, d.adrelid)) END,
				E',\n\t\t\t' ORDER BY a.attnum) AS terms,
			string_agg(format('%1$I = excluded.%1$I', m.col), ', ' ORDER BY a.attnum) AS sets
		FROM ({{template "mapping" .}}
		) AS m (tab, col, term)
		JOIN pg_attribute a ON a.attrelid = format('%s.%I', '{{.Schema}}', m.tab)::regclass AND a.attname = m.col
			AND NOT a.attisdropped AND a.attgenerated = '' AND (m.col <> 'id' OR a.atttypid = 'uuid'::regtype)
		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		CROSS JOIN LATERAL (SELECT format(
			CASE WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN '(%s)::numeric::%s'
				WHEN a.atttypid IN ('uuid'::regtype) THEN '%s' ELSE '(%s)::%s' END,
			m.term, format_type(a.atttypid, a.atttypmod)) AS term) AS c
		GROUP BY m.tab
	) AS m
	CROSS JOIN LATERAL (VALUES ('columns', m.columns), ('terms', m.terms), ('sets', m.sets)) AS w (what, list);
	parts := parts || jsonb_build_object('constraints', coalesce((
		SELECT 'SET CONSTRAINTS ' || string_agg(format('%s.%I', '{{.Schema}}', c.conname), ', ') || ' IMMEDIATE;'
		FROM pg_constraint c
		WHERE c.condeferrable AND c.conrelid IN ('{{.Schema}}.gfx_players'::regclass, '{{.Schema}}.gfx_hands'::regclass,
			'{{.Schema}}.gfx_hand_players'::regclass, '{{.Schema}}.gfx_events'::regclass)
	), ''), 'key', CASE WHEN by_num THEN 'hand_num' ELSE 'position' END,
		-- If the table is unique on HandNum, the last of several hands with the same HandNum counts.
		'stands', CASE WHEN by_num THEN $sql$(
				e.j ->> 'HandNum' IS NULL OR row_number() OVER (PARTITION BY e.j ->> 'HandNum' ORDER BY e.n DESC) = 1
			)$sql$
			ELSE 'true' END,
		'match', CASE WHEN by_num THEN $sql$h.hand_num::numeric = (u.j ->> 'HandNum')::numeric$sql$
			ELSE 'h.position = u.position' END,
		'left', CASE WHEN by_num THEN 'h.hand_num::text <> ALL (nums)' ELSE 'h.position >= total' END);

	parts := parts || jsonb_build_object('winner', CASE WHEN key = 'session_id' THEN '' ELSE replace($sql$
			ORDER BY coalesce(v.raw_hands,
				{{template "hands" "v."}}) DESC NULLS LAST,
				v.file_modified_at DESC NULLS LAST, v.created_at DESC NULLS LAST, v.file_hash DESC
			$sql$, 'jsonb_', {{template "typed" .}}) END);

	FOR name, callers, says, makes IN SELECT f.name, f.callers, f.says, f.makes FROM (VALUES
	('{{.Schema}}.gfx_expand_write(bigint,integer[],bigint[],jsonb[])', ARRAY['service_role'],
		'Writes hands of a session, with their players and events: all of them, or it fails.', $sql$
	{{template "expand write" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_try(bigint,integer[],bigint[],jsonb[])', ARRAY['service_role'],
		'Writes hands as gfx_expand_write does, and returns why it could not.', $sql$
	{{template "expand try" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_session(bigint,timestamptz,boolean)', ARRAY['service_role'],
		'Brings the rows of a session up to its winning version, as far as the time allows.', $sql$
	{{template "expand session" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_totals(text[])', ARRAY['service_role'], 'Sums up what players have played.', $sql$
	{{template "expand totals" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_list(bigint[],double precision,boolean,boolean)', ARRAY['service_role'],
		'Expands sessions in the order of the list, for so many seconds at most, and returns how many.', $sql$
	{{template "expand list" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_note()', ARRAY[]::text[], 'Notes of which session a row was written.', $sql$
	{{template "expand note" .}}
	$sql$),
	('{{.Schema}}.gfx_expand_written()', ARRAY[]::text[],
		'Expands the sessions whose rows a statement has written.', $sql$
	{{template "expand written" .}}
	$sql$)
	) AS f (name, callers, says, makes)
	LOOP
		FOR item IN SELECT jsonb_object_keys(parts) LOOP
			makes := replace(makes, '/*' || item || '*/', parts ->> item);
		END LOOP;
		{{- template "make function"}}
	END LOOP;

	IF NOT EXISTS (
		SELECT FROM pg_trigger t WHERE t.tgrelid = '{{.Table}}'::regclass AND t.tgname = 'gfxsync_expand_note'
	) THEN
		CREATE TRIGGER gfxsync_expand_note AFTER INSERT OR UPDATE OF raw_json ON {{.Table}}
			FOR EACH ROW EXECUTE FUNCTION {{.Schema}}.gfx_expand_note();
	END IF;
	IF NOT EXISTS (
		SELECT FROM pg_trigger t WHERE t.tgrelid = '{{.Table}}'::regclass AND t.tgname = 'gfxsync_expand_written'
	) THEN
		CREATE TRIGGER gfxsync_expand_written AFTER INSERT OR UPDATE OF raw_json ON {{.Table}}
			FOR EACH STATEMENT EXECUTE FUNCTION {{.Schema}}.gfx_expand_written();
	END IF;
	PERFORM set_config('search_path', before, true);
END
$gfxsync$;
