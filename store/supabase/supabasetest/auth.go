package supabasetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	anonymous   = "anon"
	serviceRole = "service_role"
	// clockSkew is PostgREST's allowance for exp, nbf and iat.
	// docs.postgrest.org, Authentication, "JWT Claims Validation"
	clockSkew = 30 * time.Second
)

func (s *Server) makeKeys() error {
	s.SecretKey = "sb_secret_" + rand.Text() + "_" + rand.Text()[:8]
	s.PublishableKey = "sb_publishable_" + rand.Text() + "_" + rand.Text()[:8]
	s.jwtSecret = []byte(rand.Text() + rand.Text())
	var err error
	if s.ServiceJWT, err = s.legacyKey(serviceRole); err != nil {
		return err
	}
	s.AnonJWT, err = s.legacyKey(anonymous)
	return err
}

func (s *Server) legacyKey(role string) (string, error) {
	now := time.Now()
	return s.sign(map[string]any{
		"iss": "supabase", "ref": "supabasetest", "role": role,
		"iat": now.Unix(), "exp": now.AddDate(10, 0, 0).Unix(),
	})
}

func (s *Server) sign(claims map[string]any) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString(s.jwtSecret)
}

// JWT returns a token with these claims, signed with the project's secret.
func (s *Server) JWT(claims map[string]any) string {
	token, err := s.sign(claims)
	if err != nil {
		panic(fmt.Sprintf("supabasetest: sign claims: %v", err))
	}
	return token
}

// authenticate is the gateway's check of the apikey, then PostgREST's of the
// token. supabase.com/docs/guides/api/api-keys; docs.postgrest.org, Authentication
func (s *Server) authenticate(r *http.Request) (string, error) {
	key := r.Header.Get("apikey")
	if key == "" {
		key = r.URL.Query().Get("apikey")
	}
	token, bearer := bearerToken(r)
	if err := s.admit(key, token, r.UserAgent()); err != nil {
		return anonymous, err
	}
	if bearer {
		return s.roleOf(token)
	}
	if key == s.SecretKey {
		return serviceRole, nil
	}
	// Without a token a legacy key is only a ticket through the gateway:
	// PostgREST does not look at apikey, so even service_role becomes anon.
	return anonymous, nil
}

// admit is the gateway's half. It does not verify tokens it hands on.
func (s *Server) admit(key, token, agent string) error {
	isNewKey := strings.HasPrefix(token, "sb_secret_") || strings.HasPrefix(token, "sb_publishable_")
	switch {
	case key == "":
		return &gatewayError{
			status:  http.StatusUnauthorized,
			message: "No API key found in request",
			hint:    "No `apikey` request header or url param was found.",
		}
	case isNewKey && token != key: // "Known limitations": only when it equals the apikey is it let through
		return invalidKey()
	case key == s.SecretKey:
		return refuseBrowser(agent)
	case key == s.PublishableKey:
		return nil
	case strings.Count(key, ".") != 2:
		return invalidKey()
	case key == token:
		return nil
	}
	if _, err := s.claims(key); err != nil {
		return invalidKey()
	}
	return nil
}

func invalidKey() error {
	return &gatewayError{
		status:  http.StatusUnauthorized,
		message: "Invalid API key",
		hint:    "Double check your Supabase `anon` or `service_role` API key.",
	}
}

// refuseBrowser follows "You cannot use a secret key in the browser (matches on
// the User-Agent header)". supabase.com/docs/guides/api/api-keys
func refuseBrowser(agent string) error {
	if !strings.HasPrefix(agent, "Mozilla/") {
		return nil
	}
	return &gatewayError{
		status:  http.StatusUnauthorized,
		message: "Forbidden use of secret API key in browser",
		hint: "Secret API keys can only be used in a protected environment and should never be used in a browser. " +
			"Delete this secret API key immediately.",
	}
}

// bearerToken reports whether there is a token; PostgREST ignores other schemes.
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// roleOf maps what is wrong with a token to PostgREST's errors.
// docs.postgrest.org, Errors, "Group 3 - JWT"
func (s *Server) roleOf(token string) (string, error) {
	if token == "" {
		return anonymous, unauthorized("PGRST301", "Empty JWT is sent in Authorization header", "")
	}
	if parts := strings.Count(token, ".") + 1; parts != 3 {
		return anonymous, unauthorized("PGRST301", fmt.Sprintf("Expected 3 parts in JWT; got %d", parts), "")
	}
	if isUnsigned(token) {
		return anonymous, unauthorized("PGRST301", "Wrong or unsupported encoding algorithm",
			"JWT is unsecured but expected 'alg' was not 'none'")
	}
	claims, err := s.claims(token)
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return anonymous, unauthorized("PGRST301", "JWT cryptographic operation failed", "")
	case errors.Is(err, jwt.ErrTokenExpired):
		return anonymous, unauthorized("PGRST303", "JWT expired", "")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return anonymous, unauthorized("PGRST303", "JWT not yet valid", "")
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return anonymous, unauthorized("PGRST303", "JWT issued at future", "")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return anonymous, unauthorized("PGRST301", "No suitable key or wrong key type", "None of the keys was able to decode the JWT")
	case err != nil:
		return anonymous, unauthorized("PGRST301", "JWT couldn't be decoded", "")
	}
	if role, ok := claims["role"].(string); ok {
		return role, nil
	}
	return anonymous, nil
}

// isUnsigned says whether a token names no algorithm.
func isUnsigned(token string) bool {
	t, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	return err == nil && t.Method == jwt.SigningMethodNone
}

func (s *Server) claims(token string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return s.jwtSecret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithLeeway(clockSkew), jwt.WithIssuedAt())
	return claims, err
}
