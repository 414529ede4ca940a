package supabase

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// fuzzSecret replaces each KEY in the fuzzer's texts.
const fuzzSecret = "sb_secret_Zm9vYmFyYmF6cXV4_c0ffee"

// longest is the largest length of an error: a message, a hint and a code, each cut to its limit, and the text around
// them.
const longest = 4*maxQuoted + 1000

type answerer func(*http.Request) (*http.Response, error)

func (a answerer) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// The client must handle any answer. It returns a result, or an error that is not empty, not too long, and without the
// key.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		"", "[]", "{}", "null", `[{"file_hash":"00"}]`, `[{"file_hash":null}]`, `[{"file_hash":7}]`,
		`{"code":"22P05","message":"m","details":"d","hint":"h"}`, `{"code":5,"message":["m"]}`,
		`{"code":"XX000","message":"KEY"}`, `{"message":"Invalid API key","hint":"KEY KEY"}`,
		`{"code":"KEY","message":"m","details":"KEY"}`,
		"<html>KEY</html>", "\xff\xfe\x00", `[{"prefix":"00","rows":1,"xor":-1},{"prefix":"01","rows":1e400,"xor":0}]`,
		`[{"prefix":"KEY"}]`, `[{"prefix":"+0"}]`,
		`[{"prefix":"00","rows":` + strings.Repeat("9", 5000) + `}]`, `{"message":"` + strings.Repeat("한", 2000) + `"}`,
		`{"message":"m","code":"` + strings.Repeat("C", 5000) + `"}`,
		`{"message":"m","hint":"` + strings.Repeat("h", 5000) + `"}`,
		`{"code":"PGRST204","message":"'session_id' column"}`,
	} {
		for _, status := range []int{200, 301, 400, 401, 404, 429, 500, 503} {
			f.Add(status, "17", "https://elsewhere.example/KEY", []byte(body))
		}
	}
	f.Add(307, "Fri, 31 Dec 1999 23:59:59 GMT", strings.Repeat("/KEY", 3000), []byte(nil))
	f.Add(503, "99999999999999999999", "", []byte(nil))
	f.Add(503, "-9223372036854775808", "\x00\xff", []byte(nil))
	f.Fuzz(func(t *testing.T, status int, retryAfter, location string, body []byte) {
		status = 100 + (status%900+900)%900 // a valid status has three digits
		header := http.Header{"Retry-After": {withKey(retryAfter)}, "Location": {withKey(location)}}
		body = []byte(withKey(string(body)))
		x := &exchange{
			ctx: t.Context(), secret: fuzzSecret,
			parent: answerer(func(*http.Request) (*http.Response, error) {
				content := io.NopCloser(bytes.NewReader(body))
				return &http.Response{StatusCode: status, Header: header, Body: content}, nil
			}),
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			"http://127.0.0.1/rest/v1/gfx_sessions", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := x.RoundTrip(req)
		if err == nil && status >= 200 && status < 300 {
			checkResults(t, x.answer, status%256)
			return
		}
		if err == nil {
			_ = res.Body.Close()
		}
		checkFailure(t, x.failure(time.Now()))
	})
}

func withKey(s string) string { return strings.ReplaceAll(s, "KEY", fuzzSecret) }

func checkFailure(t *testing.T, e *store.RemoteError) {
	t.Helper()
	switch {
	case e.Class < store.Outage || e.Class > store.Rejected:
		t.Errorf("class %v", e.Class)
	case e.Message == "":
		t.Error("an error that says nothing")
	case e.RetryAfter < 0 || e.RetryAfter > time.Hour:
		t.Errorf("to be left alone for %v", e.RetryAfter)
	case e.Ambiguous && e.Class != store.Outage && e.Class != store.Credentials:
		t.Errorf("ambiguous, and %v", e.Class)
	}
	checkText(t, e)
}

func checkText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if len(text) > longest {
		t.Errorf("an error of %d bytes: %.100q", len(text), text)
	}
	if strings.Contains(text, fuzzSecret) {
		t.Errorf("the key is shown: %q", text)
	}
}

// checkResults has the answer read in each way in which one is read, as a digest from prefix next on.
func checkResults(t *testing.T, answer []byte, next int) {
	t.Helper()
	var d store.Digest
	after, err := readDigest(&d, answer, next)
	if after < next || after > len(d) {
		t.Fatalf("after prefix %d comes %d", next, after)
	}
	if err != nil {
		if !errors.Is(err, store.ErrNoDigest) {
			t.Errorf("digest: %v", err)
		}
		checkText(t, err)
	}
	list, err := readHashes(answer)
	if err != nil {
		checkText(t, err)
		if store.ClassOf(err) != store.Outage {
			t.Errorf("hashes: %v", err)
		}
		return
	}
	if len(list) > len(answer) {
		t.Errorf("%d hashes of %d bytes", len(list), len(answer))
	}
}
