package supabasetest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// The schemas of the fixture. The specification calls the first test, or v1, and the second v2.
const (
	specSchema  = "postgrest_spec"
	specSchema2 = "postgrest_spec_2"
)

// specCase is a case of PostgREST's specification.
type specCase struct {
	name    string
	why     string // how it differs from the case, and why; empty if it does not
	maxRows int    // db-max-rows; 0 is a project's own
	steps   []specStep
}

// specStep is a request and what must come of it.
type specStep struct {
	request string   // method and path; the query is not escaped
	headers []string // besides those of all requests
	body    string
	status  int
	want    []string // headers of the answer; "-Name" must be absent
	answer  string   // its body, as JSON; empty: whatever it is
	part    []string // the keys of that part of the answer which is compared; nil: all
}

// noBody is the answer of which there is nothing.
const noBody = "no body"

const (
	isJSON     = "Content-Type: application/json; charset=utf-8"
	noType     = "-Content-Type"
	noLength   = "-Content-Length"
	noLocation = "-Location"
)

func of(name string, steps ...specStep) specCase { return specCase{name: name, steps: steps} }

// but says how the row differs from the case, and why.
func (c specCase) but(why string) specCase {
	c.why = why
	return c
}

func (c specCase) limited(maxRows int) specCase {
	c.maxRows = maxRows
	return c
}

// in puts the words of a context before the names of its cases.
func in(context string, cases ...specCase) []specCase {
	for i := range cases {
		cases[i].name = context + ": " + cases[i].name
	}
	return cases
}

// reads is a GET that succeeds.
func reads(path, rows string, want ...string) specStep {
	return specStep{request: "GET " + path, status: http.StatusOK, answer: rows, want: want}
}

// fails is a GET that does not.
func fails(path string, status int, answer string, want ...string) specStep {
	return specStep{request: "GET " + path, status: status, answer: answer, want: want}
}

// writes is any other request. The preferences may be empty.
func writes(request, prefer, body string, status int, answer string, want ...string) specStep {
	s := specStep{request: request, body: body, status: status, answer: answer, want: want}
	if prefer != "" {
		s.headers = []string{"Prefer: " + prefer}
	}
	return s
}

func (s specStep) with(headers ...string) specStep {
	s.headers = append(slices.Clone(s.headers), headers...)
	return s
}

func (s specStep) only(part ...string) specStep {
	s.part = part
	return s
}

// refusal is the body of an error.
func refusal(code, message, details, hint string) string {
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	b, err := json.Marshal(map[string]any{
		"code": code, "message": message, "details": orNull(details), "hint": orNull(hint),
	})
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// noTable is the refusal of a table that is not there.
func noTable(name string) string {
	return refusal("PGRST205", "Could not find the table '"+specSchema+"."+name+"' in the schema cache", "", "")
}

// specServer is what is held against the specification.
type specServer struct {
	url, key string
	gateway  *supabasetest.Server // nil if it is a real project
	spoilt   bool                 // the rows may not be what the fixture made them
}

func runSpec(t *testing.T, s *specServer) {
	s.spoilt = true
	for _, file := range slices.Sorted(maps.Keys(spec)) {
		t.Run(strings.TrimSuffix(file, ".hs"), func(t *testing.T) {
			for _, c := range spec[file] {
				t.Run(c.name, func(t *testing.T) { s.run(t, c) })
			}
		})
	}
}

func (s *specServer) run(t *testing.T, c specCase) {
	if s.spoilt {
		s.send(t, writes("POST rpc/reset", "", "{}", http.StatusOK, "1"))
		s.spoilt = false
	}
	if c.why != "" {
		t.Logf("adapted: %s", c.why)
	}
	if c.maxRows > 0 {
		if s.gateway == nil {
			t.Skip("SKIPPED here: it needs another max-rows, which is a setting of the project")
		}
		s.gateway.SetMaxRows(c.maxRows)
		defer s.gateway.Heal()
	}
	for _, step := range c.steps {
		if !strings.HasPrefix(step.request, "GET ") {
			s.spoilt = true
		}
		s.send(t, step)
	}
}

// send checks a step.
func (s *specServer) send(t *testing.T, step specStep) {
	t.Helper()
	req := s.prepare(t, step)
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, Timeout: 10 * time.Minute}).Do(req)
	if err != nil {
		t.Fatalf("%s: %v", step.request, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", step.request, err)
	}
	if res.StatusCode != step.status {
		t.Errorf("%s: status %d, want %d: %s", step.request, res.StatusCode, step.status, body)
	}
	for _, want := range step.want {
		name, value, _ := strings.Cut(strings.TrimPrefix(want, "-"), ": ")
		if s.gateway == nil && name == "Content-Length" {
			continue // what stands before a project may send the answer in another form
		}
		if got := strings.Join(res.Header.Values(name), ", "); got != value {
			t.Errorf("%s: %s %q, want %q", step.request, name, got, value)
		}
	}
	if step.answer != "" && !isSame(t, string(body), step) {
		t.Errorf("%s: answer %s, want %s", step.request, body, step.answer)
	}
}

func isSame(t *testing.T, body string, step specStep) bool {
	t.Helper()
	if step.answer == noBody || body == "" {
		return step.answer == noBody && body == ""
	}
	got := decode(t, body)
	for _, key := range step.part {
		object, _ := got.(map[string]any)
		got = object[key]
	}
	return reflect.DeepEqual(got, decode(t, step.answer))
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return v
}

func (s *specServer) prepare(t *testing.T, step specStep) *http.Request {
	t.Helper()
	method, path, _ := strings.Cut(step.request, " ")
	path, query, _ := strings.Cut(path, "?")
	address := s.url + "/rest/v1/" + (&url.URL{Path: path}).EscapedPath()
	for i, parameter := range strings.Split(query, "&") {
		if name, value, ok := strings.Cut(parameter, "="); ok {
			address += "?&"[min(i, 1):min(i, 1)+1] + url.QueryEscape(name) + "=" + url.QueryEscape(value)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(step.body))
	if err != nil {
		t.Fatal(err)
	}
	headers := []string{
		"User-Agent: gfxsync/spec", "Accept: application/json", "Content-Type: application/json",
		"Accept-Profile: " + specSchema, "Content-Profile: " + specSchema, "apikey: " + s.key,
	}
	if strings.Count(s.key, ".") == 2 { // a legacy key
		headers = append(headers, "Authorization: Bearer "+s.key)
	}
	for _, h := range slices.Concat(headers, step.headers) {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, s.fill(t, value))
	}
	return req
}

// fill puts a token where its name stands in braces. Only who has the secret of a project can sign one.
func (s *specServer) fill(t *testing.T, value string) string {
	t.Helper()
	before, rest, found := strings.Cut(value, "{")
	name, after, closed := strings.Cut(rest, "}")
	if !found || !closed {
		return value
	}
	if s.gateway == nil {
		t.Skip("SKIPPED here: it needs a token that is signed with the secret of the project")
	}
	now := time.Now().Unix()
	claims := map[string]map[string]any{
		"no role":              {"role": "not existing"},
		"expired":              {"exp": now - 3600},
		"not yet valid":        {"nbf": now + 3600},
		"issued in the future": {"iat": now + 3600},
	}
	token := s.gateway.JWT(claims[name])
	if name == "another secret" {
		token = token[:len(token)-8] + "AAAAAAAA"
	}
	return before + token + after
}
