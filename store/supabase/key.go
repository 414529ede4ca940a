package supabase

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrKey says that a text is not a key that gfxsync can work with. Its message never holds the text.
var ErrKey = errors.New("not a usable Supabase key")

const whereKeysAre = "use the secret key (sb_secret_…) or the legacy service_role key: Supabase dashboard, Project Settings, API Keys"

// Key is a Supabase API key. However it is printed or logged, it does not show.
type Key struct {
	// A function, because fmt prints fields of unexported types without asking their methods, but of a function the address alone.
	secret  func() string
	jwt     bool
	expires time.Time
}

// ParseKey takes a secret key (sb_secret_…) or a legacy service_role key, which is a JWT (Supabase documentation, "Understanding
// API keys"). Keys with fewer rights are refused with ErrKey: row level security would hide the table from them.
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Key{}, fmt.Errorf("%w: it is empty; %s", ErrKey, whereKeysAre)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Key{}, fmt.Errorf("%w: there are spaces or unusual characters in it; copy it again in one piece; %s", ErrKey, whereKeysAre)
	case strings.HasPrefix(s, "sb_secret_"):
		return Key{secret: func() string { return s }}, nil
	case strings.HasPrefix(s, "sb_publishable_"):
		return Key{}, fmt.Errorf("%w: this is a publishable key, for browsers; %s", ErrKey, whereKeysAre)
	}
	var claims struct {
		jwt.RegisteredClaims
		Role string `json:"role"`
	}
	// The signature is for the server to check: only it has the secret.
	if _, _, err := jwt.NewParser().ParseUnverified(s, &claims); err != nil {
		return Key{}, fmt.Errorf("%w: it is neither sb_secret_… nor a JWT; %s", ErrKey, whereKeysAre)
	}
	if claims.Role != "service_role" {
		return Key{}, fmt.Errorf("%w: its role is %q and must be \"service_role\"; %s", ErrKey, claims.Role, whereKeysAre)
	}
	key := Key{secret: func() string { return s }, jwt: true}
	if claims.ExpiresAt != nil {
		key.expires = claims.ExpiresAt.Time
	}
	return key, nil
}

// Expires returns when the key ends to be valid; zero is never.
func (k Key) Expires() time.Time { return k.expires }

// Kind names the kind of key without showing it.
func (k Key) Kind() string {
	if k.jwt {
		return "legacy service_role key"
	}
	return "secret key"
}

const redacted = "[key]"

// Format implements fmt.Formatter for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (k Key) String() string { return redacted }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
