package supabasetest

// config is what the options of New and Serve choose.
type config struct {
	sql     []string
	schemas []string
	noTable bool
}

// Option changes the project that New or Serve sets up.
type Option func(*config)

// WithSQL runs sql in the fresh database, instead of DefaultSchema, before the
// server answers its first request. Given twice, both run, in order.
func WithSQL(sql string) Option {
	return func(c *config) { c.sql = append(c.sql, sql) }
}

// WithoutTable leaves the database without any table, as a new project is.
func WithoutTable() Option {
	return func(c *config) { c.noTable = true }
}

// WithSchemas names the schemas the API exposes, the default one first. Without
// it, that is public alone. docs.postgrest.org, Configuration, db-schemas
func WithSchemas(names ...string) Option {
	return func(c *config) { c.schemas = names }
}

func newConfig(opts []Option) config {
	c := config{schemas: []string{"public"}}
	for _, opt := range opts {
		opt(&c)
	}
	if len(c.sql) == 0 && !c.noTable {
		c.sql = []string{DefaultSchema}
	}
	return c
}
