package supabasetest_test

// The gateway is held against PostgREST's own specification: test/spec/Feature/Query in the repository
// PostgREST/postgrest, as it stood on its main branch after the release 16.0 (RpcSpec.hs: before 13.0.0, at commit
// b7d0a1f). Each case that touches a request which gfxsync sends, or an answer which it reads, is a row below. A row
// has the name of its case: the words of its context and its it. Where a row differs from its case, it says how, and
// why.
//
// gfxsync sends these requests (store/supabase), each with Accept-Profile and Content-Profile:
//   - GET of a table: select with casts and computed fields; eq, gt, gte, in, not.is.null; or=(and(…),…) with JSON
//     paths and cs; order; limit. GET of the root.
//   - POST of a JSON array: columns, on_conflict, return=minimal, resolution=merge-duplicates, the Accept of a single
//     object; an empty array. POST of a function with named arguments.
//   - PATCH and DELETE of the rows that a filter names, return=minimal.
//
// It reads the status, the rows, the code, message, details and hint of an error, and the definitions of the root.
// Whatever else a case compares is compared too.
//
// What was taken of each file, and what was left out and why:
//
//	UpsertSpec.hs: 45 cases, 10 taken, left out: 20 PUT; 11 resolution=ignore-duplicates; 3 missing=default;
//		1 embedding
//	InsertSpec.hs: 74 cases, 43 taken, left out: 8 data representations; 7 return=headers-only; 7 missing=default;
//		5 CSV; 2 embedding; 1 HTML form; 1 policy on the claims of a token
//	DeleteSpec.hs: 14 cases, 11 taken, left out: 3 embedding
//	UpdateSpec.hs: 54 cases, 22 taken, left out: 11 embedding; 8 data representations; 5 empty body;
//		4 columns in a PATCH; 3 missing=default; 1 order of a PATCH
//	QuerySpec.hs: 215 cases, 74 taken, left out: 72 embedding; 25 full text search; 16 data representations;
//		5 quantifiers; 4 regular expressions; 4 CSV; 3 cd and isdistinct; 3 column names that need quotes;
//		3 GET of a function; 3 foreign tables and extensions; 2 Content-Location; 1 request without a schema
//	QueryLimitedSpec.hs: 12 cases, 6 taken, left out: 3 embedding; 3 count=estimated
//	ErrorSpec.hs: 19 cases, 14 taken, left out: 2 statuses that a function chooses; 1 hint of a similar name;
//		1 audience of a token; 1 client-error-verbosity
//	JsonOperatorSpec.hs: 37 cases, 8 taken, left out: 22 path in select; 4 path in order;
//		2 path into a composite or an array; 1 GET of a function
//	Preferences/HandlingSpec.hs: 8 cases, 3 taken, left out: 4 handling=strict; 1 unnamed parameter
//	Preferences/MaxAffectedSpec.hs: 13 cases, 0 taken, left out: 13 max-affected
//	Preferences/TimezoneSpec.hs: 8 cases, 0 taken, left out: 8 timezone
//	SingularSpec.hs: 28 cases, 6 taken, left out: 16 GET, PATCH and DELETE of a single object; 5 functions;
//		1 single object as an answer
//	AndOrParamsSpec.hs: 41 cases, 22 taken, left out: 6 operators on arrays and ranges; 4 full text search;
//		3 embedding; 3 quotes; 3 negated trees
//	MultipleSchemaSpec.hs: 31 cases, 13 taken, left out: 8 embedding; 4 request without a schema;
//		4 other media types; 1 PUT; 1 name of a schema that needs quotes
//	RpcSpec.hs: 145 cases, 12 taken, left out: 133 anything but a POST of named JSON arguments alone
//
// PreferencesSpec.hs has become the three files of the folder Preferences. There is no file of computed fields: their
// cases are in QuerySpec.hs and UpdateSpec.hs. The other files of the folder are of requests that gfxsync does not
// send, as those with a Range header or an offset.

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// spec is the table: the rows of each file.
var spec = map[string][]specCase{
	"UpsertSpec.hs":               upsertSpec,
	"InsertSpec.hs":               insertSpec,
	"DeleteSpec.hs":               deleteSpec,
	"UpdateSpec.hs":               updateSpec,
	"QuerySpec.hs":                querySpec,
	"QueryLimitedSpec.hs":         queryLimitedSpec,
	"ErrorSpec.hs":                errorSpec,
	"JsonOperatorSpec.hs":         jsonOperatorSpec,
	"Preferences/HandlingSpec.hs": handlingSpec,
	"SingularSpec.hs":             singularSpec,
	"AndOrParamsSpec.hs":          andOrParamsSpec,
	"MultipleSchemaSpec.hs":       multipleSchemaSpec,
	"RpcSpec.hs":                  rpcSpec,
}

const specSQL = "testdata/postgrest_spec.sql"

func TestPostgRESTSpec(t *testing.T) {
	t.Parallel()
	sql, err := os.ReadFile(specSQL)
	if err != nil {
		t.Fatal(err)
	}
	s := supabasetest.New(t, supabasetest.WithSQL(string(sql)), supabasetest.WithSchemas(specSchema, specSchema2))
	runSpec(t, &specServer{url: s.URL, key: s.SecretKey, gateway: s})
}

// TestPostgRESTSpecOfAProject holds a real project against the same table.
func TestPostgRESTSpecOfAProject(t *testing.T) {
	url, key := os.Getenv("GFXSYNC_POSTGREST_URL"), os.Getenv("GFXSYNC_POSTGREST_KEY")
	if url == "" || key == "" {
		t.Skip("SKIPPED here: PostgREST's specification against a real project: set GFXSYNC_POSTGREST_URL (of the " +
			"project) and GFXSYNC_POSTGREST_KEY (a secret key), and first apply the SQL that is printed by: " +
			"cat store/supabase/supabasetest/" + specSQL)
	}
	runSpec(t, &specServer{url: strings.TrimSuffix(url, "/"), key: key})
}

var (
	headLine   = regexp.MustCompile(`(?m)^//\t(\S+\.hs): (\d+) cases, (\d+) taken, left out: ((?:.|\n//\t\t)*)`)
	headReason = regexp.MustCompile(`(?:^|; |;\n//\t\t)(\d+) `)
)

// TestPostgRESTSpecIsCounted holds the figures in the head of this file against the rows.
func TestPostgRESTSpecIsCounted(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("postgrest_spec_test.go")
	if err != nil {
		t.Fatal(err)
	}
	head := headLine.FindAllStringSubmatch(string(source), -1)
	named, rows := map[string]bool{}, 0
	for _, m := range head {
		file, cases, taken, left := m[1], number(t, m[2]), number(t, m[3]), 0
		for _, reason := range headReason.FindAllStringSubmatch(m[4], -1) {
			left += number(t, reason[1])
		}
		named[file] = true
		rows += taken
		if len(spec[file]) != taken || taken+left != cases {
			t.Errorf("%s: the head says %d of %d cases, and reasons for leaving out %d; there are %d rows",
				file, taken, cases, left, len(spec[file]))
		}
	}
	for file := range spec {
		if !named[file] {
			t.Errorf("the head does not say what was taken of %s", file)
		}
	}
	t.Logf("PostgREST's specification: %d cases of %d files are rows of the table", rows, len(head))
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
