package supabase_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// The keys of browsers are public. Supabase's default privileges give their roles every table of the schema public: it is row level
// security that keeps the sessions from them, and views must not lead around it.
func TestPublicKeysSeeNoSession(t *testing.T) {
	s := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
	if err := upsert(t, remoteAt(t, s.URL, s.SecretKey, nil), 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, `GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated`)
	for _, name := range s.QueryStrings(t, `SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace`) {
		url := s.URL + "/rest/v1/" + name
		if !tells(get(t, url, s.SecretKey)) {
			t.Errorf("%s shows nothing to the secret key", name)
		}
		for _, key := range []string{s.PublishableKey, s.AnonJWT} {
			if body := get(t, url, key); tells(body) {
				t.Errorf("%s shows a public key %.200s", name, body)
			}
		}
	}
}

// tells says whether an answer holds a session, or that there is one.
func tells(body string) bool {
	return strings.Contains(body, "file_hash") || strings.Contains(strings.ReplaceAll(body, `"rows":0,`, ""), `"rows":`)
}

func get(t *testing.T, url, key string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("apikey", key)
	if !strings.HasPrefix(key, "sb_") {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
