package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gfxsync/gfxsync/store/supabase"
)

// asService runs SQL as the agent's key does.
func (p *place) asService(t *testing.T, sql string) (warnings []string) {
	t.Helper()
	return notices(t, p, "begin; set local role service_role; "+sql+"; commit")
}

// messages returns what was sent since it was last asked.
func (p *place) messages(t *testing.T) []string {
	t.Helper()
	sent := p.query(t, messagesSQL)
	p.exec(t, `delete from realtime.messages`)
	return sent
}

const twoHands = `insert into gfx_hands (session_id, position, hand_num)
	values (638963849867159576, 0, 1), (638963849867159576, 1, 2), (7, 0, 5)`

// One message for each session and save tells what is new, and to those only who may receive it.
func TestRealtimeAnnouncesAnExpansionOnce(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	p.exec(t, `insert into TABLE! (session_id, file_hash, gfx_pc_id, raw_json)
		values (638963849867159576, 'a', 'PC01', '{}'), (638963849867159576, 'b', 'PC02', '{}'), (7, 'c', null, '{}')`)
	p.exec(t, twoHands)
	for _, step := range []struct {
		sql  string
		want []string
	}{
		{
			`insert into gfx_expand_sessions (session_id, file_hash, changed, expanded_at) values
				(638963849867159576, 'b', '{0,1}', clock_timestamp()), (7, 'c', '{0}', clock_timestamp()),
				(8, 'd', '{}', clock_timestamp())`,
			[]string{
				`gfx:hands hands t broadcast {"hands": [{"hand_num": 1, "position": 0}, {"hand_num": 2, "position": 1}], ` +
					`"gfx_pc_id": "PC02", "session_id": "638963849867159576"}`,
				`gfx:hands hands t broadcast {"hands": [{"hand_num": 5, "position": 0}], "gfx_pc_id": null, "session_id": "7"}`,
			},
		},
		{`update gfx_expand_sessions set stale = true`, nil}, // it only marks
		{
			`update gfx_expand_sessions set file_hash = 'a', changed = '{1}', expanded_at = clock_timestamp()
				where session_id > 8`,
			[]string{
				`gfx:hands hands t broadcast {"hands": [{"hand_num": 2, "position": 1}], ` +
					`"gfx_pc_id": "PC01", "session_id": "638963849867159576"}`,
			},
		},
		{`update gfx_expand_sessions set changed = '{}', expanded_at = clock_timestamp()`, nil}, // it wrote no hand
		{`delete from gfx_expand_sessions`, nil},
	} {
		warnings := p.asService(t, step.sql)
		if got := p.messages(t); !slices.Equal(got, step.want) || len(warnings) > 0 {
			t.Errorf("after %s: warnings %q, messages\n%s\nwant\n%s", step.sql, warnings, strings.Join(got, "\n"),
				strings.Join(step.want, "\n"))
		}
	}
}

// Whatever Realtime does, the session is written.
func TestRealtimeRefusesNothing(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct{ sql, warning string }{
		"no partition":      {`drop table realtime.messages_today`, "no partition"},
		"no right to call":  {`revoke execute on function realtime.send from public`, "not announced: permission denied"},
		"no right to enter": {`revoke usage on schema realtime from service_role`, "not announced: permission denied"},
		"no right to write": {`revoke insert on realtime.messages from service_role`, "permission denied"},
		"it fails": {
			`create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
				returns void language plpgsql as $$ begin raise division_by_zero; end $$`,
			"not announced: division_by_zero (22012)",
		},
		"it is gone":        {`drop function realtime.send`, "not announced: function realtime.send"},
		"Realtime is gone":  {`drop schema realtime cascade`, "not announced: schema \"realtime\" does not exist"},
		"the hands are not": {`alter table gfx_hands rename to mine`, "not announced: relation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := announced(t, "public", "gfx_sessions", "")
			p.exec(t, twoHands+";"+broken.sql)
			warnings := p.asService(t, `insert into gfx_expand_sessions (session_id, changed, expanded_at)
				values (7, '{0}', clock_timestamp()), (638963849867159576, '{0}', clock_timestamp())`)
			if n := p.Count(t, "gfx_expand_sessions"); n != 2 {
				t.Errorf("%d rows, want both", n)
			}
			if len(warnings) == 0 || !strings.Contains(warnings[0], broken.warning) {
				t.Errorf("warnings %q, want %q", warnings, broken.warning)
			}
		})
	}
}

// The policy that the SQL gives for an example lets who is signed in receive the channel, and no other.
func TestRealtimePolicyOfTheExample(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	_, policy, found := strings.Cut(supabase.RealtimeSQL("public", "gfx_sessions"), "CREATE POLICY")
	policy, _, ends := strings.Cut(policy, ";")
	if !found || !ends {
		t.Fatal("no example")
	}
	p.exec(t, "CREATE POLICY"+strings.ReplaceAll(policy, "--", ""))
	p.exec(t, twoHands)
	p.asService(t, `insert into gfx_expand_sessions (session_id, changed, expanded_at) values (7, '{0}', clock_timestamp())`)
	for _, tt := range []struct{ role, topic, want string }{
		{"authenticated", "gfx:hands", "1"}, {"authenticated", "room:1", "0"}, {"anon", "gfx:hands", "0"},
	} {
		var got string
		err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
			// Realtime asks so whether a client may join (Supabase documentation, "Realtime Authorization").
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
