// Package supabasetest is a Supabase project for tests: a real PostgreSQL
// behind the part of PostgREST's interface that gfxsync uses, in the manner of
// net/http/httptest.
//
// Constraints, types, SQLSTATEs, JSON validation, locks and timeouts are
// PostgreSQL's own, so a test that passes here has met the errors it will meet
// in production. What PostgREST and Supabase's gateway add (status codes,
// PGRST codes, keys, the silent row cap) is modelled after their documentation;
// each place names the page it follows, and the whole is held against PostgREST's
// own specification (postgrest_spec_test.go). What is not modelled is answered
// with 501, never with a plausible guess.
//
// A test gets its own database on a cluster that all tests of the process share:
//
//	func TestMain(m *testing.M) { supabasetest.Main(m) }
//
//	func TestUpload(t *testing.T) {
//		server := supabasetest.New(t)
//		server.Answer(1, supabasetest.HTML(502))
//		...
//	}
package supabasetest
