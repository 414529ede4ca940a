// Package supabase is the remote for Supabase: the table gfx_sessions behind PostgREST.
package supabase

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// Options are the options of a Remote.
type Options struct {
	URL       *url.URL // of the project, without /rest/v1
	Key       Key
	Schema    string // default "public"
	Table     string // default "gfx_sessions"
	Conflict  store.ConflictKey
	Timeout   time.Duration // of a request with its answer; default 30 s
	UserAgent string        // "gfxsync/VERSION"; Supabase refuses secret keys from a browser-like agent
	Logger    *slog.Logger  // default: discard
}

// Remote implements store.SessionTable and store.Expander. It is safe for concurrent use.
type Remote struct {
	*shared
	conflict store.ConflictKey
	pcID     string // limits queries to the rows of this PC; empty: all rows
}

// shared holds what all Remotes of one table share (By, Of).
type shared struct {
	opts      Options
	transport *http.Transport
	requests  atomic.Int64

	noHandsFunction atomic.Bool // the table has no function gfx_session_hands
	isJSON          atomic.Bool // the type of raw_json is json, not jsonb

	learning sync.Mutex  // held during learnColumns
	learned  atomic.Bool // learnColumns has succeeded

	mu     sync.Mutex
	absent map[string]bool // columns that are left out, because the table lacks or refuses them
}

var _ store.SessionTable = (*Remote)(nil)

// New makes a Remote. It makes no request. The caller closes the Remote.
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

// WithKey returns a remote for the same table with another conflict key. It shares the connections of r and needs no
// Close.
func (r *Remote) WithKey(key store.ConflictKey) store.SessionTable {
	return &Remote{shared: r.shared, conflict: key}
}

// Close releases the connections.
func (r *Remote) Close() error {
	r.transport.CloseIdleConnections()
	return nil
}

// Upsert implements store.Remote with PostgREST's bulk upsert (its documentation, "Tables and Views", "Upsert").
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

// do makes one request to a table or view and returns the body of the answer. Each request has its own client, because
// postgrest-go cannot take a context otherwise. All clients share the connections.
func (r *Remote) do(
	ctx context.Context, from string, body []byte, build func(*postgrest.QueryBuilder) *postgrest.FilterBuilder,
) ([]byte, error) {
	x := &exchange{body: body}
	if err := r.send(ctx, x, from, build); err != nil {
		return nil, err
	}
	return x.answer, nil
}

// decode decodes the JSON of an answer. An answer that does not fit counts as an outage.
func decode(answer []byte, into any) error {
	if err := json.Unmarshal(answer, into); err != nil {
		return unexpected(err)
	}
	return nil
}

func unexpected(err error) error {
	return &store.RemoteError{
		Class: store.Outage, Message: clip(fmt.Sprintf("the answer is not what was asked for: %v", err)), Err: err,
	}
}

// send is do for callers that need more of the answer than its body. The answer is in x.
func (r *Remote) send(
	ctx context.Context, x *exchange, from string, build func(*postgrest.QueryBuilder) *postgrest.FilterBuilder,
) error {
	r.requests.Add(1)
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	x.ctx, x.parent = ctx, r.transport
	client := postgrest.NewClient(r.opts.URL.JoinPath("rest/v1/").String(), r.opts.Schema,
		map[string]string{"User-Agent": r.opts.UserAgent})
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
