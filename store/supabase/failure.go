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

// maxQuoted is how many bytes of an answer go into a message.
const maxQuoted = 1 << 10

// failure returns the error of an exchange that did not succeed (design, "What a failure means").
func (x *exchange) failure(now time.Time) *store.RemoteError {
	if x.status == 0 || x.err != nil {
		return &store.RemoteError{
			Class: store.Outage, Status: x.status, Message: clip(fmt.Sprintf("no answer: %v", x.err)), Err: x.err,
			Ambiguous: !isUnreached(x.err), // a record may have made the server or a gateway fail
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

// byCode has the classes of single codes (PostgreSQL documentation, appendix A; PostgREST documentation, "Errors").
var byCode = map[string]store.Class{
	"PGRST301": store.Credentials,
	"PGRST302": store.Credentials,
	"PGRST303": store.Credentials,
	"42501":    store.Credentials,

	"55000":    store.Setup, // the unique constraint is deferrable, which ON CONFLICT does not take
	"42P01":    store.Setup,
	"42P10":    store.Setup,
	"42703":    store.Setup,
	"PGRST106": store.Setup,
	"PGRST204": store.Setup,
	"PGRST205": store.Setup,

	"40001": store.Contention,
	"40P01": store.Contention,
	"55P03": store.Contention,

	"57014": store.TooMuch,

	"25006": store.Outage, // read-only: PostgreSQL is failing over, or Supabase has found the disk full
}

// byPrefix has the classes of groups of codes.
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
	{"54", store.Rejected}, // the row exceeds a limit of PostgreSQL for nesting or size; the status is HTTP 500
}

var byStatus = map[int]store.Class{
	http.StatusForbidden:             store.Credentials,
	http.StatusRequestTimeout:        store.Outage,
	http.StatusTooManyRequests:       store.Outage,
	http.StatusRequestEntityTooLarge: store.TooMuch,
}

// classify returns the class of an answer. The code comes before the status, because PostgREST answers 500 for a
// deadlock and for everything that it does not know.
func classify(status int, code string) store.Class {
	if status == http.StatusUnauthorized {
		return store.Credentials // whatever the code: for a JWT whose role does not exist it is 22023
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
		return store.Setup // not a 404 of PostgREST, so the URL is wrong
	}
	if status >= 500 {
		return store.Outage
	}
	return store.Rejected
}

// isUnreached reports whether a request failed before a server could see its records: there was no address, no
// connection or no TLS.
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

// isAmbiguous reports whether a record may be the cause of an answer that does not name a row.
//
// An answer without a code comes from a gateway, and the body of the request may be the cause. The gateway's firewall
// answers 403. A backend that the body has killed gives 5xx. A 429 is about the number of requests.
//
// PostgreSQL also has SQLSTATEs for internal errors, such as XX000 "invalid memory alloc request size" for a value that
// is too large. A record is not the cause of a lack of disk or connections, or of a stop of the server. It may be the
// cause of a lack of memory.
func isAmbiguous(status int, code string) bool {
	if code == "" {
		return status >= 500 || status == http.StatusForbidden || status == http.StatusRequestTimeout
	}
	if status < 500 || !sqlState.MatchString(code) {
		return false
	}
	for _, prefix := range [...]string{"08", "25", "53", "57P0", "58", "F0", "XX001", "XX002"} {
		if strings.HasPrefix(code, prefix) {
			return code == "53200" // out of memory
		}
	}
	return true
}

// sqlState is the form of PostgreSQL's error codes (its documentation, appendix A).
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// retryAfter parses the header Retry-After in both its forms (RFC 9110, section 10.2.3). The result is at most an hour.
// A value that cannot be parsed gives 0.
func retryAfter(v string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		d = time.Duration(min(n, 3600)) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return max(0, min(d, time.Hour))
}

// takenKey finds the columns in PostgreSQL's detail of 23505.
var takenKey = regexp.MustCompile(`Key \(([^)]*)\)=\(`)

// nameOtherKey sets OtherKey in an error if another unique key than the upsert's has refused a row. The hint then says
// how to use that key.
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

// sameColumns reports whether a list of columns from PostgreSQL has the columns of the key, in any order.
func sameColumns(list string, key store.ConflictKey) bool {
	columns := strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	slices.Sort(columns)
	of := key.Columns()
	slices.Sort(of)
	return slices.Equal(columns, of)
}
