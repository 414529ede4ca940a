package bench_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// handsOfASession is the number of hands in the longest real session.
const handsOfASession = 180

// newExpandingServer makes a project whose database expands sessions.
func newExpandingServer(b *testing.B) *supabasetest.Server {
	return supabasetest.New(b, supabasetest.WithSQL(
		supabase.SchemaParts{Hands: true}.SQL("public", "gfx_sessions", store.ByHash)))
}

// BenchmarkSaveOfALongSession measures the upsert of a session with one more hand.
func BenchmarkSaveOfALongSession(b *testing.B) {
	plain, expanding := newBare(b, newServer(b)), newBare(b, newExpandingServer(b))
	s, n := fullSession(b, sample.New(1), handsOfASession), 0
	save := func(to *bare, content []byte) time.Duration {
		body := fmt.Appendf(nil, `[{"session_id":1,"file_hash":"%032x","raw_json":%s}]`, n, content)
		begin := time.Now()
		to.post(body)
		return time.Since(begin)
	}
	save(plain, s)
	save(expanding, s)
	var content []byte
	compare(b, 15, "a save that adds a hand to a session of 180, its hands expanded",
		"the same upsert without the expansion",
		func() time.Duration {
			n++
			content = fullSession(b, sample.New(1), handsOfASession+n)
			return save(plain, content)
		},
		func() time.Duration { return save(expanding, content) })
	wantRows(b, expanding.server, "gfx_hands", handsOfASession+n)
}

// BenchmarkExpansionOfATable measures the first reconcile after the expansion was added to a table with sessions.
func BenchmarkExpansionOfATable(b *testing.B) {
	sessions := scaled(b, 1000)
	server := newServer(b)
	cfg := config(b, tree(b, 1, session), remoteOf(b, server))
	synced(b, cfg, reconcile.Quick)
	execute(b, server, `TRUNCATE gfx_sessions`)
	execute(b, server, `INSERT INTO gfx_sessions (session_id, file_hash, raw_json)
		SELECT i, lpad(to_hex(i), 32, '0'), $1::text::jsonb FROM generate_series(1, $2::integer) AS i`,
		string(fullSession(b, sample.New(1), handsOfASession)), sessions)
	execute(b, server, supabase.SchemaParts{Hands: true}.SQL("public", "gfx_sessions", store.ByHash))
	tables := []string{"gfx_hands", "gfx_hand_players", "gfx_events"}
	expand := func() time.Duration {
		execute(b, server, `TRUNCATE gfx_hands, gfx_hand_players, gfx_events, gfx_players, gfx_expand_sessions,
			gfx_expand_players`)
		r, took := pass(b, cfg, reconcile.Quick)
		if int(r.Expanded) < sessions || !r.InSync {
			b.Fatalf("not all is expanded: %+v", r)
		}
		return took
	}
	first := expand()
	for _, t := range tables {
		execute(b, server, fmt.Sprintf(`CREATE TABLE copy_of_%[1]s (LIKE %[1]s INCLUDING INDEXES)`, t))
	}
	compare(b, 1, fmt.Sprintf("expanding %s sessions of %d hands", count(sessions), handsOfASession),
		"copying the rows into tables with the same indexes", func() time.Duration {
			begin := time.Now()
			for _, t := range tables {
				execute(b, server, "TRUNCATE copy_of_"+t)
				execute(b, server, fmt.Sprintf("INSERT INTO copy_of_%[1]s (%[2]s) SELECT %[2]s FROM %[1]s",
					t, stored(b, server, t)))
			}
			return time.Since(begin)
		},
		func() time.Duration {
			if first > 0 {
				defer func() { first = 0 }()
				return first
			}
			return expand()
		})
	for _, t := range append(tables, "gfx_sessions") {
		b.Logf("%s: %s", t, server.QueryStrings(b, `
			SELECT count(*) || ' rows, ' || pg_size_pretty(pg_total_relation_size($1))
			FROM `+t, t)[0])
	}
}

// stored returns the columns of a table that are not generated.
func stored(b *testing.B, server *supabasetest.Server, table string) string {
	return server.QueryStrings(b, `SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
		WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, table)[0]
}

func wantRows(b *testing.B, server *supabasetest.Server, table string, want int) {
	b.Helper()
	if n := server.QueryStrings(b, "SELECT count(*) FROM "+table)[0]; n != fmt.Sprint(want) {
		b.Fatalf("%s has %s rows, want %d", table, n, want)
	}
}

// fullSession plays hands with as many events as real hands have, 13 on average. The hands of package sample have 9.
func fullSession(b *testing.B, s *sample.Session, hands int) []byte {
	b.Helper()
	var session struct {
		ID    int64
		Hands []map[string]json.RawMessage
	}
	must(b, json.Unmarshal(s.Play(hands).JSON(), &session))
	for _, hand := range session.Hands {
		var events []json.RawMessage
		must(b, json.Unmarshal(hand["Events"], &events))
		more, err := json.Marshal(append(events, events[:len(events)*4/10]...))
		must(b, err)
		hand["Events"] = more
	}
	content, err := json.Marshal(session)
	must(b, err)
	return content
}
