package supabase_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(supabasetest.M{M: m}) }

const secret = "sb_secret_Zm9vYmFyYmF6cXV4_c0ffee"

func parse(t *testing.T, key string) supabase.Key {
	t.Helper()
	k, err := supabase.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// remoteAt makes a remote for the project at this URL. The functions in change may change its options.
func remoteAt(t *testing.T, address, key string, change func(*supabase.Options)) *supabase.Remote {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	opts := supabase.Options{
		URL: u, Key: parse(t, key), Schema: "public", Table: "gfx_sessions", Timeout: 30 * time.Second,
		UserAgent: "gfxsync/test",
	}
	if change != nil {
		change(&opts)
	}
	r := supabase.New(opts)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// answering makes a remote whose server always gives this answer.
func answering(t *testing.T, handler http.HandlerFunc) *supabase.Remote {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return remoteAt(t, server.URL, secret, nil)
}

func upsert(t *testing.T, r store.Remote, seeds ...int) error {
	t.Helper()
	var records []store.Record
	for _, seed := range seeds {
		records = append(records, storetest.Record(t, seed, 1))
	}
	return r.Upsert(t.Context(), records)
}

// remoteError fails unless err is a RemoteError of this class.
func remoteError(t *testing.T, err error, class store.Class) *store.RemoteError {
	t.Helper()
	var re *store.RemoteError
	if !errors.As(err, &re) {
		t.Fatalf("error = %v, want a RemoteError", err)
	}
	if re.Class != class {
		t.Errorf("class = %v, want %v: %v", re.Class, class, err)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows the key: %v", err)
	}
	return re
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
