// Package supabase is the remote that the project exists for: the table gfx_sessions behind Supabase's PostgREST.
package supabase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// Options says which table to use, and how.
type Options struct {
	URL       *url.URL // of the project, without /rest/v1
	Key       Key
	Schema    string // default "public"
	Table     string // default "gfx_sessions"
	Conflict  store.ConflictKey
	Timeout   time.Duration // of a request, answer included; default 30 s
	UserAgent string        // "gfxsync/VERSION": Supabase refuses secret keys from what looks like a browser
	Logger    *slog.Logger
}

// Remote implements store.Table. It is safe for concurrent use.
type Remote struct {
	*shared
	conflict store.ConflictKey
	pcID     string // only the rows of this PC are asked for; empty: all
}

// shared is what the parts of one table have in common.
type shared struct {
	opts      Options
	transport *http.Transport
	requests  atomic.Int64

	noHandsFunction atomic.Bool // the table was found to have no function gfx_session_hands
	isJSON          atomic.Bool // raw_json was found to be json, not jsonb

	learning sync.Mutex  // held by whoever finds out which columns the table lacks
	learned  atomic.Bool // it has been found out

	mu     sync.Mutex
	absent map[string]bool // columns that the table was found not to have
}

var _ store.SessionTable = (*Remote)(nil)

// New makes the remote. Nothing is asked of the server yet.
func New(opts Options) *Remote {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	opts.Schema = cmp.Or(opts.Schema, "public")
	opts.Table = cmp.Or(opts.Table, "gfx_sessions")
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	return &Remote{
		shared:   &shared{opts: opts, transport: newTransport(pingAfter, pingTimeout), absent: map[string]bool{}},
		conflict: opts.Conflict,
	}
}

// By returns the same table, written by another key. It shares the connections of r and needs no Close.
func (r *Remote) By(key store.ConflictKey) store.SessionTable {
	return &Remote{shared: r.shared, conflict: key}
}

// Close releases the connections.
func (r *Remote) Close() error {
	r.transport.CloseIdleConnections()
	return nil
}

// Upsert implements store.Remote by PostgREST's bulk upsert (its documentation, "Tables and Views", "Upsert").
func (r *Remote) Upsert(ctx context.Context, records []store.Record) error {
	if err := r.learnColumns(ctx); err != nil {
		return err
	}
	err := r.upsert(ctx, records, nil)
	var re *store.RemoteError
	if len(records) == 1 && errors.As(err, &re) && isValueRefused(re) {
		return r.upsertWithoutExtras(ctx, records[0], re)
	}
	return r.nameOtherKey(err)
}

// Ping implements store.Remote by reading one hash.
func (r *Remote) Ping(ctx context.Context) error {
	_, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select(store.ColumnFileHash, "", false).Limit(1, "")
	})
	return err
}

func encode(records []store.Record, without map[string]bool) []byte {
	size := 2
	for i := range records {
		size += int(records[i].Size()) + 1
	}
	body := append(make([]byte, 0, size), '[')
	for i := range records {
		if i > 0 {
			body = append(body, ',')
		}
		body = records[i].AppendJSON(body, without)
	}
	return append(body, ']')
}

// do runs one request on a table or view, and returns the answer's body. A client per request is how postgrest-go can be given a
// context; the connections are shared below it.
func (r *Remote) do(ctx context.Context, from string, body []byte, build func(*postgrest.QueryBuilder) *postgrest.FilterBuilder) (
	[]byte, error,
) {
	x := &exchange{body: body}
	if err := r.send(ctx, x, from, build); err != nil {
		return nil, err
	}
	return x.answer, nil
}

// send is do for an exchange of which more is wanted than the body of the answer.
func (r *Remote) send(ctx context.Context, x *exchange, from string, build func(*postgrest.QueryBuilder) *postgrest.FilterBuilder) error {
	r.requests.Add(1)
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	x.ctx, x.parent = ctx, r.transport
	client := postgrest.NewClient(r.opts.URL.JoinPath("rest/v1/").String(), r.opts.Schema, map[string]string{"User-Agent": r.opts.UserAgent})
	if r.opts.Key.secret != nil {
		x.secret = r.opts.Key.secret()
		client.SetApiKey(x.secret)
	}
	if r.opts.Key.jwt {
		client.SetAuthToken(r.opts.Key.secret())
	}
	client.Transport.Parent = x
	_, _, err := build(client.From(from)).Execute()
	if x.status >= 200 && x.status < 300 && x.err == nil {
		return nil
	}
	if x.status == 0 && x.err == nil {
		return fmt.Errorf("make the request: %w", err)
	}
	return x.failure(time.Now())
}

// missingColumn is PostgREST's message of PGRST204.
var missingColumn = regexp.MustCompile(`'([^']+)' column`)

// learnAbsent looks whether the error says that the table lacks a column that gfxsync can do without, and remembers it.
func (r *Remote) learnAbsent(err error) bool {
	name := lackingColumn(err)
	if !r.isOptional(name) {
		return false
	}
	r.noteAbsent(name)
	return true
}

// lackingColumn returns the column that an error says the table lacks, or nothing.
func lackingColumn(err error) string {
	re, ok := err.(*store.RemoteError)
	if !ok || re.Code != "PGRST204" {
		return ""
	}
	if m := missingColumn.FindStringSubmatch(re.Message); m != nil {
		return m[1]
	}
	return ""
}

func (r *Remote) noteAbsent(column string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.absent[column]:
	case isExtra(column):
		r.absent[column] = true
		r.opts.Logger.Debug("the table has no such column, and need not have it",
			"table", r.opts.Table, "column", column)
	default:
		r.absent[column] = true
		r.opts.Logger.Warn("the table lacks a column; it is left out until gfxsync starts again (gfxsync schema prints the SQL that adds it)",
			"table", r.opts.Table, "column", column)
	}
}

// isOptional says whether gfxsync fills the column, and can do without it. The conflict key it cannot do without.
func (r *Remote) isOptional(column string) bool {
	return slices.Contains(allColumns(), column) && column != store.ColumnFileHash && column != store.ColumnRawJSON &&
		!slices.Contains(r.conflict.Columns(), column)
}

func (r *Remote) absentColumns() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	absent := make(map[string]bool, len(r.absent))
	for c := range r.absent {
		absent[c] = true
	}
	return absent
}
