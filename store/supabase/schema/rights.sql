
-- Only service_role may read and write. Other roles need a policy in order to read, for example
--   CREATE POLICY readers ON {{.Table}} FOR SELECT TO authenticated USING (true);
DO $gfxsync$
DECLARE
	item text;
BEGIN
	{{- template "patience"}}
	IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = '{{.Table}}'::regclass) THEN
		ALTER TABLE {{.Table}} ENABLE ROW LEVEL SECURITY;
	END IF;
	IF NOT (
		SELECT bool_and(has_table_privilege('service_role', '{{.Table}}'::regclass, p))
		FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p
	) THEN
		GRANT SELECT, INSERT, UPDATE, DELETE ON {{.Table}} TO service_role;
	END IF;

	-- A serial column uses its sequence with the rights of the role that inserts. An identity column does not.
	FOR item IN
		SELECT DISTINCT c.oid::regclass
		FROM pg_attrdef f
		JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
		JOIN pg_class c ON c.oid = d.refobjid
		WHERE f.adrelid = '{{.Table}}'::regclass
			AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege('service_role', c.oid, 'USAGE') END
	LOOP
		EXECUTE format('GRANT USAGE ON SEQUENCE %s TO service_role', item);
	END LOOP;
END
$gfxsync$;
