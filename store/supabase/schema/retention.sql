-- Deletes old versions of sessions. It keeps the winner of each session{{if .ByPC}} and PC{{end}}, rows that are
	-- younger than keep, rows without a session, and rows that another table refers to. One call deletes at most
	-- max_rows rows. Repeat it until it returns 0, or run it every night. With pg_cron (Supabase dashboard,
	-- Integrations, Cron):
	--   SELECT cron.schedule('gfxsync-superseded', '30 4 * * *',
	--     $cron$SELECT {{.Schema}}."{{.DeleteSuperseded}}"('7 days', 10000)$cron$);
	CREATE OR REPLACE FUNCTION {{.Schema}}."{{.DeleteSuperseded}}"(keep interval, max_rows integer DEFAULT 1000)
	RETURNS integer LANGUAGE plpgsql SET search_path = '' AS $body$
	DECLARE
		unreferenced text;
		deleted      integer;
	BEGIN
		SELECT coalesce(string_agg(format(' AND NOT EXISTS (SELECT FROM %s AS o WHERE %s)', f.conrelid::regclass, (
			SELECT string_agg(format('o.%I = t.%I', a.attname, b.attname), ' AND ')
			FROM unnest(f.conkey, f.confkey) AS k (here, there)
			JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.here
			JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.there
		)), ''), '') INTO unreferenced
		FROM pg_constraint f
		WHERE f.contype = 'f' AND f.confrelid = '{{.Table}}'::regclass;
		EXECUTE $delete$
			DELETE FROM {{.Table}} WHERE ctid = ANY (ARRAY(
				SELECT t.ctid FROM {{.Table}} AS t
				WHERE t.session_id IS NOT NULL AND coalesce(greatest(t.created_at, t.updated_at), '-infinity') < now() - $1
					AND t.ctid <> (
				{{template "winner" .}}
				)
		$delete$ || unreferenced || $delete$
				LIMIT $2 FOR UPDATE OF t SKIP LOCKED
			))
		$delete$ USING keep, max_rows;
		GET DIAGNOSTICS deleted = ROW_COUNT;
		RETURN deleted;
	END
	$body$
