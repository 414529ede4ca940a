package supabase_test

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file computes the expected rows of the tables from the file, without SQL.

type object = map[string]any

// row is a row without IDs and without the times of its writing.
type row object

// wanted holds the expected rows of some sessions.
type wanted struct {
	hands, players, events []row
	people                 map[string]row // by player_hash
}

func decode(t *testing.T, content []byte) object {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

func list(v any) []any { l, _ := v.([]any); return l }

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// number returns v, or the default for a missing value.
func number(v any, absent string) json.Number {
	if n, ok := v.(json.Number); ok {
		return n
	}
	return json.Number(absent)
}

func amount(v any) *big.Float {
	f, _, err := big.ParseFloat(string(number(v, "0")), 10, 200, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return f
}

var isoDuration = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$`)

func seconds(v any) (n int64, ok bool) {
	m := isoDuration.FindStringSubmatch(text(v))
	if m == nil {
		return 0, false
	}
	for i, unit := range []int64{86400, 3600, 60, 1} {
		part, _ := strconv.ParseInt("0"+m[i+1], 10, 64)
		n += part * unit
	}
	return n, true
}

func moment(v any) string {
	at, err := time.Parse(time.RFC3339Nano, text(v))
	if err != nil {
		panic(err)
	}
	return inMicroseconds(at.UTC()).Format(time.RFC3339Nano)
}

// inMicroseconds rounds half to even, as PostgreSQL does.
func inMicroseconds(at time.Time) time.Time {
	if at.Nanosecond()%1000 == 500 && at.Nanosecond()/1000%2 == 0 {
		return at.Truncate(time.Microsecond)
	}
	return at.Round(time.Microsecond)
}

func playerHash(p object) string {
	name := strings.ToLower(strings.Trim(text(p["Name"]), " "))
	return fmt.Sprintf("%x", md5.Sum([]byte(name+":"+strings.ToLower(strings.Trim(text(p["LongName"]), " ")))))
}

// add adds the rows of a session. If the table is unique on the hand's number, the last of several hands with one
// number counts.
func (w *wanted) add(session object, byNum bool) {
	id := session["ID"].(json.Number)
	last := map[string]int{}
	for i, h := range list(session["Hands"]) {
		last[text(h.(object)["HandNum"])] = i
	}
	seen := map[string]bool{}
	for i, one := range list(session["Hands"]) {
		h := one.(object)
		if byNum && last[text(h["HandNum"])] != i {
			continue
		}
		w.hand(id, i, h, seen)
	}
}

func (w *wanted) hand(session json.Number, position int, h object, seen map[string]bool) {
	at := fmt.Sprintf("%s/%d", session, position)
	duration, _ := seconds(h["Duration"])
	offset, _ := seconds(h["RecordingOffsetStart"])
	r := row{
		"session_id": session, "session_id_text": string(session), "position": position, "hand_num": h["HandNum"],
		"game_variant": h["GameVariant"], "game_class": h["GameClass"], "bet_structure": h["BetStructure"],
		"duration_seconds": duration, "start_time": moment(h["StartDateTimeUTC"]),
		"recording_offset_iso": h["RecordingOffsetStart"], "recording_offset_seconds": offset,
		"num_boards": number(h["NumBoards"], "1"), "run_it_num_times": number(h["RunItNumTimes"], "1"),
		"ante_amt": number(h["AnteAmt"], "0"), "bomb_pot_amt": number(h["BombPotAmt"], "0"),
		"description": text(h["Description"]), "stud_limits": h["StudLimits"], "blinds": nil,
		"player_count": len(list(h["Players"])), "winner_name": nil, "winner_seat": nil,
	}
	if b, ok := h["FlopDrawBlinds"].(object); ok {
		blinds := object{}
		for key, from := range map[string]string{
			"ante_type": "AnteType", "big_blind_amt": "BigBlindAmt", "big_blind_player_num": "BigBlindPlayerNum",
			"small_blind_amt": "SmallBlindAmt", "small_blind_player_num": "SmallBlindPlayerNum",
			"button_player_num": "ButtonPlayerNum", "third_blind_amt": "ThirdBlindAmt", "blind_level": "BlindLevel",
		} {
			blinds[key] = b[from]
		}
		r["blinds"] = blinds
	}
	pot, board := new(big.Float), []any{}
	for i, one := range list(h["Events"]) {
		e := one.(object)
		if p := amount(e["Pot"]); p.Cmp(pot) > 0 {
			pot = p
		}
		card := e["BoardCards"]
		if cards := list(card); len(cards) > 0 {
			card = cards[0]
		}
		if e["EventType"] == "BOARD CARD" && text(card) != "" {
			board = append(board, card)
		}
		w.events = append(w.events, row{
			"hand": at, "event_order": i, "event_type": strings.ReplaceAll(text(e["EventType"]), " ", "_"),
			"player_num": number(e["PlayerNum"], "0"), "bet_amt": number(e["BetAmt"], "0"),
			"pot": number(e["Pot"], "0"), "board_cards": card, "board_num": number(e["BoardNum"], "0"),
			"num_cards_drawn": number(e["NumCardsDrawn"], "0"), "event_time": e["DateTimeUTC"],
		})
	}
	r["pot_size"], r["board_cards"] = json.Number(pot.Text('f', 0)), board
	best := new(big.Float)
	for _, one := range list(h["Players"]) {
		p := one.(object)
		gain := new(big.Float).Sub(amount(p["EndStackAmt"]), amount(p["StartStackAmt"]))
		if gain.Cmp(best) > 0 {
			best, r["winner_name"], r["winner_seat"] = gain, p["Name"], p["PlayerNum"]
		}
		w.player(at, moment(h["StartDateTimeUTC"]), p, gain.Sign() > 0, seen)
	}
	w.count(h, moment(h["StartDateTimeUTC"]), string(session), seen)
	w.hands = append(w.hands, r)
}

func (w *wanted) player(hand, _ string, p object, winner bool, _ map[string]bool) {
	cards := []any{}
	for _, c := range list(p["HoleCards"]) {
		for _, card := range strings.Fields(text(c)) {
			cards = append(cards, card)
		}
	}
	rank := number(p["EliminationRank"], "-1")
	if rank == "0" {
		rank = "-1"
	}
	w.players = append(w.players, row{
		"hand": hand, "player_hash": playerHash(p), "seat_num": p["PlayerNum"], "player_name": text(p["Name"]),
		"hole_cards": cards, "has_shown": len(cards) > 0, "start_stack_amt": number(p["StartStackAmt"], "0"),
		"end_stack_amt":           number(p["EndStackAmt"], "0"),
		"cumulative_winnings_amt": number(p["CumulativeWinningsAmt"], "0"),
		"blind_bet_straddle_amt":  number(p["BlindBetStraddleAmt"], "0"), "sitting_out": p["SittingOut"] == true,
		"elimination_rank": rank, "is_winner": winner, "vpip_percent": number(p["VPIPPercent"], "0"),
		"preflop_raise_percent":        number(p["PreFlopRaisePercent"], "0"),
		"aggression_frequency_percent": number(p["AggressionFrequencyPercent"], "0"),
		"went_to_showdown_percent":     number(p["WentToShowDownPercent"], "0"),
	})
}

// count adds a hand to the totals of each of its players. It adds the session once for each player.
func (w *wanted) count(h object, at, session string, seen map[string]bool) {
	if w.people == nil {
		w.people = map[string]row{}
	}
	inHand := map[string]bool{}
	for _, one := range list(h["Players"]) {
		p := one.(object)
		hash := playerHash(p)
		if inHand[hash] {
			continue
		}
		inHand[hash] = true
		r := w.people[hash]
		if r == nil {
			r = row{
				"player_hash": hash, "total_hands_played": 0, "total_sessions": 0, "first_seen_at": at,
				"last_seen_at": at,
			}
			w.people[hash] = r
		}
		r["total_hands_played"] = r["total_hands_played"].(int) + 1
		if !seen[session+hash] {
			seen[session+hash] = true
			r["total_sessions"] = r["total_sessions"].(int) + 1
		}
		r["first_seen_at"] = min(r["first_seen_at"].(string), at)
		r["last_seen_at"] = max(r["last_seen_at"].(string), at)
	}
}

// lines returns rows in a form that can be compared. Each is JSON with sorted keys, and times and numbers have one
// form.
func lines(t *testing.T, rows []row) (lines []string) {
	t.Helper()
	for _, r := range rows {
		text, err := json.Marshal(canonical(r))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	slices.Sort(lines)
	return lines
}

var isTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)$`)

func canonical(v any) any {
	switch v := v.(type) {
	case row:
		return canonical(object(v))
	case object:
		o := object{}
		for key, value := range v {
			o[key] = canonical(value)
		}
		return o
	case []any:
		l := []any{}
		for _, value := range v {
			l = append(l, canonical(value))
		}
		return l
	case json.Number:
		f, _, err := big.ParseFloat(string(v), 10, 200, big.ToNearestEven)
		if err != nil {
			return string(v)
		}
		return f.Text('g', 40)
	case int:
		return canonical(json.Number(strconv.Itoa(v)))
	case int64:
		return canonical(json.Number(strconv.FormatInt(v, 10)))
	case string:
		if isTime.MatchString(v) {
			return moment(v)
		}
		return v
	default:
		return v
	}
}
