package supabase_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// messages returns the messages since the last call.
func (p *place) messages(t *testing.T) []string {
	t.Helper()
	sent := p.query(t, messagesSQL)
	p.exec(t, `delete from realtime.messages`)
	return sent
}

// saved returns the record of a session in its present state.
func saved(t *testing.T, s *sample.Session, pc string) store.Record {
	t.Helper()
	r := storetest.RecordOf(t, hashindex.XXH3.Sum(s.JSON()), s.FileName(), s.JSON())
	r.GFXPCID = pc
	return r
}

// message returns the message that must be sent for consecutive hands.
func message(s *sample.Session, pc string, positions ...int) string {
	var hands []string
	for _, n := range positions {
		hands = append(hands, fmt.Sprintf(`{"hand_num": %d, "position": %d}`, n+1, n))
	}
	return fmt.Sprintf(`gfx:hands hands t broadcast {"hands": [%s], "gfx_pc_id": %s, "session_id": "%d"}`,
		strings.Join(hands, ", "), pc, s.ID)
}

// There is one message for each session and save. It lists the new hands and no others.
func TestRealtimeAnnouncesEachSaveOnce(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	a, b := sample.New(1).Play(2), sample.New(2).Play(1)
	first := saved(t, a, "PC01")
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{
			"two sessions in one request", func() { p.upsert(t, first, saved(t, b, "PC02")) },
			[]string{message(a, `"PC01"`, 0, 1), message(b, `"PC02"`, 0)},
		},
		{"the same save again", func() { p.upsert(t, first) }, nil},
		{
			"a hand more, of another PC", func() { p.upsert(t, saved(t, a.Play(1), "PC03")) },
			[]string{message(a, `"PC03"`, 2)},
		},
		{"an older version again", func() { p.upsert(t, first) }, nil},
		{"marked", func() { p.exec(t, `update gfx_expand_sessions set stale = true`) }, nil},
		{
			"expanded without a change",
			func() { p.exec(t, `update gfx_expand_sessions set changed = '{}', expanded_at = clock_timestamp()`) }, nil,
		},
		{"two hands more", func() { p.upsert(t, saved(t, b.Play(2), "PC02")) }, []string{message(b, `"PC02"`, 1, 2)}},
		{"forgotten", func() { p.exec(t, `delete from gfx_expand_sessions`) }, nil},
	} {
		step.do()
		if got := p.messages(t); !slices.Equal(got, step.want) {
			t.Errorf("%s:\n%s\nwant\n%s", step.what, strings.Join(got, "\n"), strings.Join(step.want, "\n"))
		}
	}
}

// If the table has no column for the PC, the message has null for it.
func TestRealtimeOfATableWithoutPC(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	s := sample.New(1).Play(1)
	p.exec(t, `drop view gfx_sessions_current, gfx_session_digest cascade; alter table TABLE! drop column gfx_pc_id`)
	p.Exec(t, supabase.RealtimeSQL(p.schema, p.table)) // applying it again adapts it to the table
	p.upsert(t, saved(t, s, ""))
	if got, want := p.messages(t), []string{message(s, "null", 0)}; !slices.Equal(got, want) {
		t.Errorf("messages %q, want %q", got, want)
	}
}

// The session and its hands are written even if Realtime fails in any way.
func TestRealtimeRefusesNothing(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct{ sql, warning string }{
		"no partition": {`drop table realtime.messages_today`, "no partition"},
		"no right to call": {
			`revoke execute on function realtime.send from public`,
			"not announced: permission denied",
		},
		"no right to enter": {`revoke usage on schema realtime from service_role`, "not announced: permission denied"},
		"no right to write": {`revoke insert on realtime.messages from service_role`, "permission denied"},
		"it fails": {
			`create or replace function realtime.send(payload jsonb, event text, topic text,
				private boolean default true)
				returns void language plpgsql as $$ begin raise division_by_zero; end $$`,
			"not announced: division_by_zero (22012)",
		},
		"it is gone":       {`drop function realtime.send`, "not announced: function realtime.send"},
		"Realtime is gone": {`drop schema realtime cascade`, "not announced: schema \"realtime\" does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := announced(t, "public", "gfx_sessions", "")
			p.exec(t, broken.sql)
			p.upsert(t, saved(t, sample.New(1).Play(1), "PC01"))
			// Write again over a connection that receives warnings, with the rights of the agent's key.
			s := sample.New(2).Play(1)
			warnings := notices(t, p, fmt.Sprintf(`begin; set local role service_role;
				insert into gfx_sessions (file_hash, session_id, raw_json)
					values ('a', %d, $$%s$$); commit`, s.ID, s.JSON()))
			for _, table := range []string{"gfx_sessions", "gfx_hands", "gfx_expand_sessions"} {
				if n := p.Count(t, table); n != 2 {
					t.Errorf("%s has %d rows, want 2", table, n)
				}
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], broken.warning) {
				t.Errorf("warnings %q, want %q", warnings, broken.warning)
			}
		})
	}
}

// With the policy that the SQL gives as an example, a user who is signed in receives this channel and no other.
func TestRealtimePolicyOfTheExample(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	_, policy, found := strings.Cut(supabase.RealtimeSQL("public", "gfx_sessions"), "CREATE POLICY")
	policy, _, ends := strings.Cut(policy, ";")
	if !found || !ends {
		t.Fatal("no example")
	}
	p.exec(t, "CREATE POLICY"+strings.ReplaceAll(policy, "--", ""))
	p.upsert(t, saved(t, sample.New(1).Play(1), "PC01"))
	for _, tt := range []struct{ role, topic, want string }{
		{"authenticated", "gfx:hands", "1"}, {"authenticated", "room:1", "0"}, {"anon", "gfx:hands", "0"},
	} {
		var got string
		err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
			// Realtime checks in this way whether a client may join (Supabase documentation, "Realtime Authorization").
			_, err := tx.Exec(t.Context(), "set local role "+tt.role+"; set local realtime.topic = '"+tt.topic+"'")
			if err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), `select count(*)::text from realtime.messages`).Scan(&got)
		})
		if err != nil || got != tt.want {
			t.Errorf("%s sees %s messages of %s, want %s: %v", tt.role, got, tt.topic, tt.want, err)
		}
	}
}
