package supabasetest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// gatewayError comes from Supabase's gateway, which has no codes.
type gatewayError struct {
	status        int
	message, hint string
}

func (e *gatewayError) Error() string { return e.message }

// pgrstError comes from PostgREST. docs.postgrest.org, Errors, "Errors from PostgREST"
type pgrstError struct {
	status                       int
	code, message, details, hint string
	header                       [2]string
}

func (e *pgrstError) Error() string { return e.code + ": " + e.message }

func pgrst(status int, code, message string) *pgrstError {
	return &pgrstError{status: status, code: code, message: message}
}

func unauthorized(code, message, details string) *pgrstError {
	return &pgrstError{
		status: http.StatusUnauthorized, code: code, message: message, details: details,
		header: [2]string{"WWW-Authenticate", `Bearer error="invalid_token", error_description="` + message + `"`},
	}
}

// notModelled is this package's own: a test that needs it must extend the package.
func notModelled(what string) *pgrstError {
	return pgrst(http.StatusNotImplemented, "SUPABASETEST", "supabasetest does not model "+what)
}

// failure turns an error into the answer PostgREST or the gateway gives.
func failure(err error, role string) response {
	var gate *gatewayError
	var own *pgrstError
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &gate):
		return gateAnswer(gate)
	case errors.As(err, &own):
		r := jsonError(own.status, own.code, own.message, own.details, own.hint)
		if own.header[0] != "" {
			r.set(own.header[0], own.header[1])
		}
		return r
	case errors.As(err, &pg):
		r := jsonError(httpStatus(pg.Code, pg.Message, role), pg.Code, pg.Message, pg.Detail, pg.Hint)
		if r.status == http.StatusUnauthorized {
			r.set("WWW-Authenticate", "Bearer")
		}
		return r
	case errors.Is(err, context.DeadlineExceeded): // docs.postgrest.org, Errors, PGRST003
		return jsonError(http.StatusGatewayTimeout, "PGRST003", "Timed out acquiring connection from connection pool.", "", "")
	}
	// docs.postgrest.org, Errors, PGRST001
	return jsonError(http.StatusServiceUnavailable, "PGRST001", "Database client error. Retrying the connection.", err.Error(), "")
}

func gateAnswer(e *gatewayError) response {
	body := struct {
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}{e.message, e.hint}
	r := response{status: e.status, body: encode(body)}
	r.set("Content-Type", "application/json; charset=utf-8")
	return r
}

func jsonError(status int, code, message, details, hint string) response {
	body := struct {
		Code    string  `json:"code"`
		Details *string `json:"details"`
		Hint    *string `json:"hint"`
		Message string  `json:"message"`
	}{code, orNull(details), orNull(hint), message}
	r := response{status: status, body: encode(body)}
	r.set("Content-Type", "application/json; charset=utf-8")
	r.set("Proxy-Status", "PostgREST; error="+code)
	return r
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of strings always encode
	}
	return b
}

// statuses is the table of docs.postgrest.org, Errors, "HTTP Status Codes";
// longer prefixes win.
var statuses = map[string]int{
	"08": 503, "09": 500, "0L": 403, "0P": 403,
	"23503": 409, "23505": 409,
	"25006": 405, "25": 500, "28": 403, "2D": 500,
	"38": 500, "39": 500, "3B": 500, "40": 500,
	"53400": 500, "53": 503, "54": 500, "55": 500,
	"57P01": 503, "57": 500, "58": 500,
	"F0": 500, "HV": 500, "P0001": 400, "P0": 500, "XX": 500,
	"42883": 404, "42P01": 404, "42P17": 500,
}

// httpStatus adds what the table leaves to PostgREST's source (Error.hs): a
// second row for one conflict key, pg-safeupdate, and a role that is not there.
func httpStatus(code, message, role string) int {
	switch {
	case code == "42501" && role == anonymous:
		return http.StatusUnauthorized
	case code == "42501":
		return http.StatusForbidden
	case code == "21000" && !strings.HasSuffix(message, "requires a WHERE clause"):
		return http.StatusInternalServerError
	case code == "22023" && strings.HasPrefix(message, "role") && strings.HasSuffix(message, "does not exist"):
		return http.StatusUnauthorized
	}
	if status, ok := statuses[code]; ok {
		return status
	}
	if len(code) >= 2 {
		if status, ok := statuses[code[:2]]; ok {
			return status
		}
	}
	return http.StatusBadRequest
}
