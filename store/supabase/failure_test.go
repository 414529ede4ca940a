package supabase_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

func TestKeyGoesIntoTheHeadersWhereItBelongs(t *testing.T) {
	service := token(t, jwt.MapClaims{"role": "service_role"})
	for _, tt := range []struct{ name, key, bearer string }{
		{"secret key", secret, ""},
		{"service_role", service, "Bearer " + service},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen []*http.Request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r)
				_, _ = io.WriteString(w, "[]")
			}))
			t.Cleanup(server.Close)
			r := remoteAt(t, server.URL, tt.key, nil)
			if err := errors.Join(r.Ping(t.Context()), upsert(t, r, 1)); err != nil {
				t.Fatal(err)
			}
			if len(seen) != 3 {
				t.Fatalf("%d requests, want three: a ping, what asks for the columns, and the upsert", len(seen))
			}
			for _, req := range seen {
				if got := req.Header.Values("Apikey"); len(got) != 1 || got[0] != tt.key {
					t.Errorf("%s: apikey = %q", req.Method, got)
				}
				if got := req.Header.Get("Authorization"); got != tt.bearer ||
					len(req.Header.Values("Authorization")) > 1 {
					t.Errorf("%s: Authorization = %q, want %q", req.Method, req.Header.Values("Authorization"),
						tt.bearer)
				}
				if got := req.UserAgent(); got != "gfxsync/test" {
					t.Errorf("%s: User-Agent = %q", req.Method, got)
				}
				if req.URL.Path != "/rest/v1/gfx_sessions" || strings.Contains(req.URL.RawQuery, tt.key) {
					t.Errorf("%s %s", req.Method, req.URL)
				}
			}
		})
	}
}

// The cases are the lines of "What a failure means" in the design.
func TestFailuresMeanWhatTheDesignSays(t *testing.T) {
	const html = "<html><head><title>Error</title></head></html>"
	code := func(c string) string { return fmt.Sprintf(`{"code":%q,"message":"m","details":null,"hint":null}`, c) }
	for _, tt := range []struct {
		status int
		body   string
		want   store.Class
	}{
		{408, html, store.Outage},
		{429, `{"message":"API rate limit exceeded"}`, store.Outage},
		{429, html, store.Outage},
		{500, html, store.Outage},
		{502, html, store.Outage},
		{503, html, store.Outage},
		{504, html, store.Outage},
		{520, html, store.Outage},
		{521, html, store.Outage},
		{522, html, store.Outage},
		{523, html, store.Outage},
		{524, html, store.Outage},
		{503, code("53300"), store.Outage},
		{503, code("53100"), store.Outage},
		{503, code("08006"), store.Outage},
		{503, code("57P01"), store.Outage},
		{503, code("57P03"), store.Outage},
		{503, code("PGRST000"), store.Outage},
		{503, code("PGRST001"), store.Outage},
		{503, code("PGRST002"), store.Outage},
		{504, code("PGRST003"), store.Outage},
		{405, code("25006"), store.Outage},

		{401, `{"message":"Invalid API key"}`, store.Credentials},
		{403, html, store.Credentials},
		{401, code("PGRST301"), store.Credentials},
		{401, code("PGRST302"), store.Credentials},
		{401, code("PGRST303"), store.Credentials},
		{403, code("42501"), store.Credentials},
		{401, code("42501"), store.Credentials},

		{404, code("42P01"), store.Setup},
		{404, code("PGRST205"), store.Setup},
		{400, code("PGRST204"), store.Setup},
		{400, code("42703"), store.Setup},
		{400, code("42P10"), store.Setup},
		{406, code("PGRST106"), store.Setup},

		{500, code("40P01"), store.Contention},
		{500, code("40001"), store.Contention},
		{500, code("55P03"), store.Contention},

		{413, html, store.TooMuch},
		{413, "", store.TooMuch},
		{500, code("57014"), store.TooMuch},

		{400, code("22P05"), store.Rejected},
		{400, code("22P02"), store.Rejected},
		{400, code("22021"), store.Rejected},
		{409, code("23505"), store.Rejected},
		{400, code("23514"), store.Rejected},
		{400, code("23502"), store.Rejected},
		{400, code("PGRST102"), store.Rejected},
		{500, code("54001"), store.Rejected},
		{500, code("54000"), store.Rejected},

		{500, code("54001"), store.Rejected},
		{500, code("54000"), store.Rejected},

		{500, code("XX000"), store.Outage},
		{501, "", store.Outage},
		{400, code("PGRST999"), store.Rejected},
		{418, html, store.Rejected},
		{400, "", store.Rejected},
		{500, `{"code":500,"message":["odd"]}`, store.Outage},
	} {
		t.Run(fmt.Sprintf("%d %.40s", tt.status, tt.body), func(t *testing.T) {
			r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			for _, err := range []error{upsert(t, r, 1), r.Ping(t.Context())} {
				re := remoteError(t, err, tt.want)
				if re.Status != tt.status || re.Message == "" {
					t.Errorf("status %d, message %q", re.Status, re.Message)
				}
				if (tt.want == store.Credentials || tt.want == store.Setup) && re.Hint == "" {
					t.Error("what is the operator to do?")
				}
			}
		})
	}
}

// Unless a failure is known to be the remote's, a record may be the cause. Delivery finds out which.
func TestFailuresThatMayBeARecordsDoing(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   bool
	}{
		{500, "XX000", true},
		{500, "P0004", true},
		{500, "38000", true},
		{503, "53200", true},
		{503, "53100", false},
		{503, "53300", false},
		{503, "57P03", false},
		{500, "58030", false},
		{500, "XX002", false},
		{405, "25006", false},
		{503, "PGRST001", false},
		{403, "42501", false},
		{401, "", false},
		{429, "", false},
		{403, "", true}, // the page of a gateway
		{408, "", true},
		{502, "", true},
		{500, "54001", false}, // the record is known to be the cause
	} {
		r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = fmt.Fprintf(w, `{"code":%q,"message":"m"}`, tt.code)
		})
		var re *store.RemoteError
		if err := upsert(t, r, 1); !errors.As(err, &re) || re.Ambiguous != tt.want {
			t.Errorf("%d, %s: %+v, want Ambiguous %v", tt.status, tt.code, re, tt.want)
		}
	}
}

func TestErrorSaysWhatTheServerSaid(t *testing.T) {
	r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":"22P05","message":"unsupported Unicode escape",`+
			`"details":"\\u0000 cannot be text","hint":"drop it"}`)
	})
	re := remoteError(t, upsert(t, r, 1), store.Rejected)
	if re.Code != "22P05" || re.Hint != "drop it" || !strings.Contains(re.Message, "unsupported Unicode") ||
		!strings.Contains(re.Message, "cannot be text") {
		t.Errorf("error = %+v", re)
	}
}

func TestLongAnswersAreCut(t *testing.T) {
	r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, strings.Repeat("<p>한글</p>", 10_000))
	})
	if n := len(remoteError(t, upsert(t, r, 1), store.Outage).Error()); n > 1300 {
		t.Errorf("an error of %d bytes", n)
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	for _, tt := range []struct {
		header   func() string
		min, max time.Duration
	}{
		{func() string { return "17" }, 17 * time.Second, 17 * time.Second},
		{func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, 0, 90 * time.Second},
		{func() string { return "999999" }, time.Hour, time.Hour},
		{func() string { return time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat) }, 0, 0},
		{func() string { return "-5" }, 0, 0},
		{func() string { return "soon" }, 0, 0},
		{func() string { return "" }, 0, 0},
	} {
		value := tt.header()
		r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		if got := remoteError(t, r.Ping(t.Context()), store.Outage).RetryAfter; got < tt.min || got > tt.max {
			t.Errorf("Retry-After %q: %v, want %v to %v", value, got, tt.min, tt.max)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 307, 308} {
		r := answering(t, func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, elsewhere.URL, status)
		})
		for _, err := range []error{upsert(t, r, 1), r.Ping(t.Context())} {
			remoteError(t, err, store.Outage)
			if !strings.Contains(err.Error(), elsewhere.URL) {
				t.Errorf("%v: where to?", err)
			}
		}
	}
	if followed {
		t.Error("the key went to an address that nobody has set")
	}
}

func TestEndlessAnswerIsAnOutage(t *testing.T) {
	for _, status := range []int{200, 400} {
		r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for range 5 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		})
		if err := r.Ping(t.Context()); !strings.Contains(remoteError(t, err, store.Outage).Message, "larger") {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestServerThatDoesNotAnswerIsAnOutage(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		select {
		case <-req.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	r := remoteAt(t, server.URL, secret, func(o *supabase.Options) { o.Timeout = time.Second })
	if err := upsert(t, r, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the timeout", err)
	} else if !remoteError(t, err, store.Outage).Ambiguous {
		t.Error("it may be at work on what it was sent")
	}
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	if remoteError(t, remoteAt(t, nobody.URL, secret, nil).Ping(t.Context()), store.Outage).Ambiguous {
		t.Error("nobody has seen a record")
	}
}

func TestTrailingSlashAndPathOfTheURLAreKept(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		paths = append(paths, req.URL.Path)
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(server.Close)
	for _, suffix := range []string{"", "/", "/proxy", "/proxy/"} {
		if err := remoteAt(t, server.URL+suffix, secret, nil).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"/rest/v1/gfx_sessions", "/rest/v1/gfx_sessions",
		"/proxy/rest/v1/gfx_sessions", "/proxy/rest/v1/gfx_sessions",
	}
	if got := strings.Join(paths, " "); got != strings.Join(want, " ") {
		t.Errorf("asked for %s", got)
	}
}

func TestRecordGoesOutAsItIs(t *testing.T) {
	const raw = `{ "ID" : 638961999170907267 , "x":"<>&\u003c" }`
	var body []byte
	r := answering(t, func(_ http.ResponseWriter, req *http.Request) { body, _ = io.ReadAll(req.Body) })
	record := store.Record{FileHash: "h1", RawJSON: []byte(raw)}
	if err := r.Upsert(t.Context(), []store.Record{record, {FileHash: "h2", RawJSON: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(body, &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%s: %v", body, err)
	}
	if !strings.Contains(string(body), `"raw_json":`+raw) {
		t.Errorf("the body is %s", body)
	}
	for name := range rows[0] {
		if _, ok := rows[1][name]; !ok || len(rows[0]) != len(rows[1]) {
			t.Errorf("the objects differ in their keys (PGRST102): %s", body)
		}
	}
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	var asked bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log that the client closed the connection
	server.StartTLS()
	t.Cleanup(server.Close)
	err := upsert(t, remoteAt(t, server.URL, secret, nil), 1)
	if re := remoteError(t, err, store.Outage); !strings.Contains(re.Message, "certificate") {
		t.Errorf("%v: what is wrong?", err)
	}
	if asked {
		t.Error("the key went to a server that could be anybody's")
	}
}

func TestAnAnswerThatQuotesTheKeyDoesNotShowIt(t *testing.T) {
	for _, body := range []string{
		secret,
		`{"message":"no such key: ` + secret + `","hint":"` + secret + `","code":"` + secret + `"}`,
		strings.Repeat("x", 1010) + secret,
	} {
		r := answering(t, func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, body)
		})
		if text := remoteError(t, r.Ping(t.Context()), store.Credentials).Error(); strings.Contains(text, secret[:20]) {
			t.Errorf("the error shows the key: %s", text)
		}
	}
}
