package supabasetest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(supabasetest.M{M: m})
}

// call is one request of a test; headers are "Name: value" lines.
type call struct {
	method, path, body string
	headers            []string
	noKey              bool
}

type answer struct {
	status int
	header http.Header
	body   string
}

// code is the error's code, or its message where the gateway gives none.
func (a answer) code() string {
	var e struct{ Code, Message string }
	_ = json.Unmarshal([]byte(a.body), &e)
	if e.Code == "" {
		return e.Message
	}
	return e.Code
}

// try uses a connection of its own, so that a cut one is never repeated silently.
func try(t *testing.T, s *supabasetest.Server, c call) (answer, error) {
	t.Helper()
	url := s.URL + "/rest/v1/" + c.path
	if strings.HasPrefix(c.path, "/") {
		url = s.URL + c.path
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, url, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "supabasetest")
	if !c.noKey {
		req.Header.Set("apikey", s.SecretKey)
	}
	for _, line := range c.headers {
		if k, v, ok := strings.Cut(line, ": "); ok {
			req.Header.Set(k, v)
		}
	}
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func do(t *testing.T, s *supabasetest.Server, c call) answer {
	t.Helper()
	a, err := try(t, s, c)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return a
}

func get(t *testing.T, s *supabasetest.Server, path string, headers ...string) answer {
	t.Helper()
	return do(t, s, call{method: "GET", path: path, headers: headers})
}

func post(t *testing.T, s *supabasetest.Server, path, body string, headers ...string) answer {
	t.Helper()
	return do(t, s, call{method: "POST", path: path, body: body, headers: append(headers, "Content-Type: application/json")})
}

const upsert = "Prefer: resolution=merge-duplicates,return=minimal"

// refused means that no connection came about; the errno differs between systems.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// syncBuffer is a log that the server writes and the test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
