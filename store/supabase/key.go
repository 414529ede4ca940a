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

// ErrKey says that a text is not a key that gfxsync can use. The message never holds the text.
var ErrKey = errors.New("not a usable Supabase key")

const whereKeysAre = "use the secret key (sb_secret_…) or the legacy service_role key: " +
	"Supabase dashboard, Project Settings, API Keys"

// Key is a Supabase API key. Printing or logging it never shows the secret. The zero Key is no key.
type Key struct {
	// secret is a function, because fmt prints unexported fields without calling their methods. Of a function it
	// prints only the address.
	secret  func() string
	jwt     bool
	expires time.Time
}

// ParseKey parses a secret key (sb_secret_…) or a legacy service_role key, which is a JWT (Supabase documentation,
// "Understanding API keys"). Any other text fails with ErrKey. That includes keys with fewer rights, from which row
// level security would hide the table.
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Key{}, fmt.Errorf("%w: it is empty; %s", ErrKey, whereKeysAre)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Key{}, fmt.Errorf("%w: there are spaces or unusual characters in it; copy it again in one piece; %s",
			ErrKey, whereKeysAre)
	case strings.HasPrefix(s, "sb_secret_"):
		return Key{secret: func() string { return s }}, nil
	case strings.HasPrefix(s, "sb_publishable_"):
		return Key{}, fmt.Errorf("%w: this is a publishable key, for browsers; %s", ErrKey, whereKeysAre)
	}
	var claims struct {
		jwt.RegisteredClaims
		Role string `json:"role"`
	}
	// Only the server can check the signature, because only the server has the secret for it.
	if _, _, err := jwt.NewParser().ParseUnverified(s, &claims); err != nil {
		return Key{}, fmt.Errorf("%w: it is neither sb_secret_… nor a JWT; %s", ErrKey, whereKeysAre)
	}
	if claims.Role != "service_role" {
		return Key{}, fmt.Errorf("%w: its role is %q and must be \"service_role\"; %s",
			ErrKey, claims.Role, whereKeysAre)
	}
	key := Key{secret: func() string { return s }, jwt: true}
	if claims.ExpiresAt != nil {
		key.expires = claims.ExpiresAt.Time
	}
	return key, nil
}

// Expires returns the time when the key expires. The zero time means never.
func (k Key) Expires() time.Time { return k.expires }

// Kind returns the kind of the key for messages, without the secret.
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
