package supabase

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// Hints for operators, by class.
const (
	credentialsHint = "check GFX_SYNC_SUPABASE_SERVICE_KEY: " + whereKeysAre
	setupHint       = "the table is not as gfxsync needs it: apply the SQL that gfxsync schema prints"
)

// maxQuoted bounds how much of an answer that is not PostgREST's goes into a message.
const maxQuoted = 1 << 10

// failure makes a *store.RemoteError of an exchange that did not succeed (design, "What a failure means").
func (x *exchange) failure(now time.Time) *store.RemoteError {
	if x.status == 0 || x.err != nil {
		return &store.RemoteError{
			Class: store.Outage, Status: x.status, Message: clip(fmt.Sprintf("no answer: %v", x.err)), Err: x.err,
			Ambiguous: !isUnreached(x.err), // it may have stumbled over what it was sent
		}
	}
	e := &store.RemoteError{Status: x.status, RetryAfter: retryAfter(x.header.Get("Retry-After"), now)}
	var body struct{ Code, Message, Details, Hint string }
	if json.Unmarshal(x.answer, &body) == nil && body.Message != "" {
		e.Code, e.Hint = clip(body.Code), clip(body.Hint)
		e.Message = body.Message
		if body.Details != "" {
			e.Message += " (" + clip(body.Details) + ")"
		}
	} else {
		e.Message = fmt.Sprintf("%s: %q", http.StatusText(x.status), clip(string(x.answer)))
	}
	e.Message = clip(e.Message)
	e.Class = classify(x.status, e.Code)
	e.Ambiguous = (e.Class == store.Outage || e.Class == store.Credentials) && isAmbiguous(x.status, e.Code)
	switch e.Class {
	case store.Credentials:
		e.Hint = credentialsHint
	case store.Setup:
		e.Hint = setupHint
	}
	return e
}

func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// Codes that stand for themselves (PostgreSQL documentation, appendix A; PostgREST documentation, "Errors").
var byCode = map[string]store.Class{
	"PGRST301": store.Credentials, "PGRST302": store.Credentials, "PGRST303": store.Credentials, "42501": store.Credentials,
	"55000": store.Setup, // the unique constraint is deferrable: ON CONFLICT takes none such
	"42P01": store.Setup, "42P10": store.Setup, "42703": store.Setup, "PGRST106": store.Setup, "PGRST204": store.Setup, "PGRST205": store.Setup,
	"40001": store.Contention, "40P01": store.Contention, "55P03": store.Contention,
	"57014": store.TooMuch,
	"25006": store.Outage, // read only: PostgreSQL is failing over, or Supabase found its disk full
}

// Classes of SQLSTATE, and groups of PGRST codes.
var byPrefix = []struct {
	prefix string
	class  store.Class
}{
	{"PGRST00", store.Outage},
	{"08", store.Outage},
	{"53", store.Outage},
	{"57P0", store.Outage},
	{"40", store.Contention},
	{"21", store.Rejected},
	{"22", store.Rejected},
	{"23", store.Rejected},
	{"54", store.Rejected}, // a limit of PostgreSQL's, of nesting or size: HTTP 500, but only this row is beyond it
}

var byStatus = map[int]store.Class{
	http.StatusForbidden:             store.Credentials,
	http.StatusRequestTimeout:        store.Outage,
	http.StatusTooManyRequests:       store.Outage,
	http.StatusRequestEntityTooLarge: store.TooMuch,
}

// classify goes by the code before the status: PostgREST answers 500 for a deadlock as for anything it does not know.
func classify(status int, code string) store.Class {
	if status == http.StatusUnauthorized {
		return store.Credentials // even with a code of its own: a JWT whose role does not exist comes with 22023
	}
	if c, ok := byCode[code]; ok {
		return c
	}
	for _, p := range byPrefix {
		if strings.HasPrefix(code, p.prefix) {
			return p.class
		}
	}
	if c, ok := byStatus[status]; ok {
		return c
	}
	if status == http.StatusNotFound && code == "" {
		return store.Setup // not PostgREST's 404: the URL leads to something else
	}
	if status >= 500 {
		return store.Outage
	}
	return store.Rejected
}

// isUnreached says whether a request failed before a server could have seen any of its records: no address, no
// connection, no TLS.
func isUnreached(err error) bool {
	var (
		op      *net.OpError
		host    *net.DNSError
		plain   tls.RecordHeaderError
		unknown *tls.CertificateVerificationError
	)
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &host) ||
		errors.As(err, &plain) || errors.As(err, &unknown)
}

// isAmbiguous says whether an answer that is not the record's may still be a record's doing. A page without a code is
// a gateway's, which may have stumbled over the body: 403 by its firewall, 5xx by a backend that it killed; a 429 is
// about the number of requests. PostgreSQL answers what it does not know with a SQLSTATE too, as XX000 "invalid
// memory alloc request size" to a value that it cannot hold. What it lacks for everybody (disk, connections) and its
// own stops are no row's doing, but memory may be.
func isAmbiguous(status int, code string) bool {
	if code == "" {
		return status >= 500 || status == http.StatusForbidden || status == http.StatusRequestTimeout
	}
	if status < 500 || !sqlState.MatchString(code) {
		return false
	}
	for _, prefix := range [...]string{"08", "25", "53", "57P0", "58", "F0", "XX001", "XX002"} {
		if strings.HasPrefix(code, prefix) {
			return code == "53200"
		}
	}
	return true
}

// sqlState is the form of PostgreSQL's error codes (its documentation, appendix A).
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// retryAfter reads the header in both its forms (RFC 9110, section 10.2.3). Nonsense counts as absent; more than an hour is cut.
func retryAfter(v string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		d = time.Duration(min(n, 3600)) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return max(0, min(d, time.Hour))
}

// takenKey is PostgreSQL's detail of 23505.
var takenKey = regexp.MustCompile(`Key \(([^)]*)\)=\(`)

// nameOtherKey notes by which unique key a row was refused, if it is not that of the upsert, and says how to have rows
// written by it.
func (r *Remote) nameOtherKey(err error) error {
	re, ok := err.(*store.RemoteError)
	if !ok || re.Code != "23505" {
		return err
	}
	m := takenKey.FindStringSubmatch(re.Message)
	if m == nil || sameColumns(m[1], r.conflict) {
		return err
	}
	re.OtherKey = strings.ReplaceAll(m[1], " ", "")
	other := store.ConflictChoice{Key: r.conflict}
	for _, key := range store.ConflictKeys() {
		if sameColumns(m[1], key) {
			re.OtherKey, other.Rules.Unique = key.String(), []store.ConflictKey{key}
		}
	}
	if key, _, _, refused := other.Refusal(); refused {
		re.Hint = fmt.Sprintf("the table is unique on %s as well: %s", key, store.ConflictAdvice(key))
	}
	return err
}

// sameColumns says whether the columns, as PostgreSQL lists them, are those of the key, in whatever order.
func sameColumns(list string, key store.ConflictKey) bool {
	columns := strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	slices.Sort(columns)
	of := key.Columns()
	slices.Sort(of)
	return slices.Equal(columns, of)
}
