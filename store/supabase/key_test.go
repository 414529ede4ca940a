package supabase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gfxsync/gfxsync/store/supabase"
)

func token(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("of another project"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseKeyTakesKeysWithAllRightsOnly(t *testing.T) {
	service := token(t, jwt.MapClaims{"role": "service_role", "iss": "supabase"})
	expired := token(t, jwt.MapClaims{"role": "service_role", "exp": 1})
	for _, tt := range []struct {
		name, key string
		kind      string // empty: the key is refused
		says      string
	}{
		{"secret", secret, "secret key", ""},
		{"secret with a newline", secret + "\r\n", "secret key", ""},
		{"secret with spaces around", "  " + secret + "\t", "secret key", ""},
		{"service_role", service, "legacy service_role key", ""},
		{"service_role with a newline", service + "\n", "legacy service_role key", ""},
		{"expired: for the server to judge", expired, "legacy service_role key", ""},
		{"publishable", "sb_publishable_abcdef_123456", "", "publishable"},
		{"anon", token(t, jwt.MapClaims{"role": "anon"}), "", `"anon"`},
		{"authenticated", token(t, jwt.MapClaims{"role": "authenticated"}), "", `"authenticated"`},
		{"no role", token(t, jwt.MapClaims{"sub": "x"}), "", `service_role`},
		{"role of another type", token(t, jwt.MapClaims{"role": []string{"service_role"}}), "", "JWT"},
		{"empty", "", "", "empty"},
		{"blank", " \n", "", "empty"},
		{"garbage", "hunter2", "", "neither"},
		{"three parts of garbage", "a.b.c", "", "neither"},
		{"broken in two", secret[:20] + " " + secret[20:], "", "spaces"},
		{"broken by a newline", secret[:20] + "\n" + secret[20:], "", "spaces"},
		{"in curly quotes", "“" + secret + "”", "", "unusual"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := supabase.ParseKey(tt.key)
			if tt.kind != "" {
				if err != nil || k.Kind() != tt.kind {
					t.Errorf("%v, %v, want a %s", k.Kind(), err, tt.kind)
				}
				return
			}
			if !errors.Is(err, supabase.ErrKey) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error = %v, want ErrKey that says %q", err, tt.says)
			}
			if !strings.Contains(err.Error(), "sb_secret_") || !strings.Contains(err.Error(), "API Keys") {
				t.Errorf("%v: which key is needed, and where is it?", err)
			}
			if key := strings.TrimSpace(tt.key); len(key) > 5 && strings.Contains(err.Error(), key) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestKeyDoesNotShow(t *testing.T) {
	service := token(t, jwt.MapClaims{"role": "service_role"})
	for _, text := range []string{secret, service} {
		key := parse(t, text)
		holder := struct {
			Key     supabase.Key
			Options supabase.Options
			Pointer *supabase.Options
		}{key, supabase.Options{Key: key}, &supabase.Options{Key: key}}
		remote := supabase.New(supabase.Options{Key: key})
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, v := range []any{
				key, &key, holder, &holder, holder.Options, &holder.Options, remote,
				[]supabase.Key{key},
				map[string]supabase.Key{"k": key},
			} {
				wantHidden(t, fmt.Sprintf("%s of a %T", verb, v), fmt.Sprintf(verb, v), text)
			}
		}
		for _, v := range []any{key, &key, holder, map[string]supabase.Key{"k": key}} {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			wantHidden(t, fmt.Sprintf("JSON of a %T", v), string(b), text)
		}
		var log logBuffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("m", "key", key, "pointer", &key, "holder", holder, slog.Group("g", "key", key))
		}
		wantHidden(t, "log", log.String(), text)
	}
}

func wantHidden(t *testing.T, what, printed, key string) {
	t.Helper()
	for _, form := range []string{key, fmt.Sprintf("%x", key), fmt.Sprintf("%X", key)} {
		if strings.Contains(printed, form[len(form)/2:]) {
			t.Errorf("%s shows the key: %s", what, printed)
		}
	}
	if printed == "" {
		t.Errorf("%s is nothing", what)
	}
}
