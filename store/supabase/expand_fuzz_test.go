package supabase_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// A session with any hands that jsonb takes is stored. Each of its hands is expanded, or there is a reason why not.
func FuzzHands(f *testing.F) {
	f.Add([]byte(`{"HandNum":1,"StartDateTimeUTC":"2025-10-16T14:09:00Z"}`))
	f.Add([]byte(`{"HandNum":1e3,"StartDateTimeUTC":"infinity","Duration":"P1Y2M3DT4H5M6.7S","FlopDrawBlinds":[]}`))
	for _, h := range hostileHands {
		if h.value != "" {
			f.Add(fmt.Appendf(nil, `{"HandNum":7,"StartDateTimeUTC":"2025-10-16T14:09:00Z","%s":%s}`, h.path, h.value))
		}
	}
	var hand struct{ Hands []json.RawMessage }
	if err := json.Unmarshal(sample.New(3).Play(1).JSON(), &hand); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(hand.Hands[0]))
	x := &expanding{at(f, "public", "gfx_sessions", store.ByHash, ""), false}
	x.Exec(f, withHands.SQL("public", "gfx_sessions", store.ByHash))
	f.Fuzz(func(t *testing.T, hand []byte) {
		content := fmt.Sprintf(`{"ID":1,"Hands":[%s,{"HandNum":2,"StartDateTimeUTC":"2025-10-16T14:10:00Z"}]}`, hand)
		if !json.Valid([]byte(content)) {
			t.Skip("no JSON")
		}
		if _, err := x.DB().Exec(t.Context(), `select $1::text::jsonb`, content); err != nil {
			t.Skip("PostgreSQL does not take it")
		}
		x.Exec(t, `truncate gfx_sessions, gfx_hands, gfx_hand_players, gfx_events, gfx_players, gfx_expand_sessions,
			gfx_expand_errors, gfx_expand_players`)
		x.save(t, 1, []byte(content))
		got := strings.Join(x.QueryStrings(t, `select (select jsonb_array_length(raw_json->'Hands') from gfx_sessions)
			- (select count(*) from gfx_hands) - (select count(*) from gfx_expand_errors where position >= 0)`), "")
		if got != "0" {
			t.Errorf("%s hands are neither expanded nor have a reason", got)
		}
		if n := x.QueryStrings(t, `select count(*) from gfx_hands where hand_num = 2 and position = (
			select jsonb_array_length(raw_json->'Hands') - 1 from gfx_sessions)`); n[0] != "1" {
			t.Error("the good hand is not expanded")
		}
		if bad := x.QueryStrings(t, `select sqlstate || ' ' || message from gfx_expand_errors where position < 0
			union all select state from gfx_expand_status where state <> 'current'`); len(bad) > 0 {
			t.Errorf("the session as a whole: %s", bad)
		}
	})
}
