package local_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// This code computes what the views must show. It shares nothing with the views.
type session struct {
	ID    int64
	Hands []hand
}

type hand struct {
	HandNum, NumBoards, RunItNumTimes, AnteAmt, BombPotAmt int64
	GameVariant, GameClass, BetStructure, Duration         string
	StartDateTimeUTC, RecordingOffsetStart, Description    string
	FlopDrawBlinds                                         blinds
	StudLimits                                             json.RawMessage
	Players                                                []player
	Events                                                 []event
}

type blinds struct {
	AnteType                                                           *string
	BigBlindAmt, BigBlindPlayerNum, SmallBlindAmt, SmallBlindPlayerNum *int64
	ButtonPlayerNum, ThirdBlindAmt, BlindLevel                         *int64
}

type player struct {
	PlayerNum                                                   int64
	Name, LongName                                              string
	HoleCards                                                   []string
	StartStackAmt, EndStackAmt                                  int64
	CumulativeWinningsAmt, BlindBetStraddleAmt, EliminationRank int64
	SittingOut                                                  bool
	VPIPPercent, PreFlopRaisePercent                            json.Number
	AggressionFrequencyPercent, WentToShowDownPercent           json.Number
}

type event struct {
	EventType                                       string
	PlayerNum, BetAmt, Pot, BoardNum, NumCardsDrawn int64
	BoardCards, DateTimeUTC                         *string
}

// expand returns the rows of each view.
func expand(t *testing.T, sessions [][]byte) map[string][]map[string]any {
	t.Helper()
	rows := map[string][]map[string]any{}
	players := map[string]map[string]any{}
	in := map[string]map[int64]bool{} // the sessions of each player
	for _, content := range sessions {
		var s session
		if err := json.Unmarshal(content, &s); err != nil {
			t.Fatal(err)
		}
		for position, h := range s.Hands {
			id := fmt.Sprintf("%d-%d", s.ID, position)
			rows["gfx_hands"] = append(rows["gfx_hands"], h.row(t, s.ID, int64(position)))
			for i, p := range h.Players {
				rows["gfx_hand_players"] = append(rows["gfx_hand_players"], p.row(t, id, i))
				total := players[p.id()]
				if total == nil {
					in[p.id()] = map[int64]bool{}
					total = map[string]any{
						"id": p.id(), "player_hash": fmt.Sprintf("%x", md5.Sum([]byte(p.id()))),
						"name": p.Name, "long_name": p.LongName, "total_hands_played": int64(0),
						"first_seen_at": h.StartDateTimeUTC, "last_seen_at": h.StartDateTimeUTC,
					}
					players[p.id()] = total
				}
				if in[p.id()][s.ID] = true; !seated(h.Players[:i], p) {
					total["total_hands_played"] = total["total_hands_played"].(int64) + 1
				}
				total["total_sessions"] = int64(len(in[p.id()]))
				total["first_seen_at"] = min(total["first_seen_at"].(string), h.StartDateTimeUTC)
				total["last_seen_at"] = max(total["last_seen_at"].(string), h.StartDateTimeUTC)
			}
			for i, e := range h.Events {
				rows["gfx_events"] = append(rows["gfx_events"], e.row(id, i))
			}
		}
	}
	for _, p := range players {
		rows["gfx_players"] = append(rows["gfx_players"], p)
	}
	return rows
}

// seated reports whether one of the players is the same person.
func seated(players []player, p player) bool {
	for _, other := range players {
		if other.id() == p.id() {
			return true
		}
	}
	return false
}

func (h *hand) row(t *testing.T, session, position int64) map[string]any {
	t.Helper()
	pot, board := int64(0), []string{}
	for _, e := range h.Events {
		pot = max(pot, e.Pot)
		if strings.ReplaceAll(e.EventType, " ", "_") == "BOARD_CARD" {
			board = append(board, *e.BoardCards)
		}
	}
	var name, seat any
	var most int64
	for _, p := range h.Players {
		if growth := p.EndStackAmt - p.StartStackAmt; growth > most {
			name, seat, most = p.Name, p.PlayerNum, growth
		}
	}
	var stud any
	if h.StudLimits != nil {
		stud = string(h.StudLimits)
	}
	b := h.FlopDrawBlinds
	return map[string]any{
		"id": fmt.Sprintf("%d-%d", session, position), "session_id": session,
		"session_id_text": strconv.FormatInt(session, 10),
		"position":        position, "hand_num": h.HandNum, "game_variant": h.GameVariant, "game_class": h.GameClass,
		"bet_structure": h.BetStructure, "duration_seconds": seconds(t, h.Duration), "start_time": h.StartDateTimeUTC,
		"recording_offset_iso":     h.RecordingOffsetStart,
		"recording_offset_seconds": seconds(t, h.RecordingOffsetStart),
		"num_boards":               h.NumBoards, "run_it_num_times": h.RunItNumTimes, "ante_amt": h.AnteAmt,
		"bomb_pot_amt": h.BombPotAmt, "description": h.Description, "stud_limits": stud,
		"blinds": asJSON(t, struct {
			A *string `json:"ante_type"`
			B *int64  `json:"big_blind_amt"`
			C *int64  `json:"big_blind_player_num"`
			D *int64  `json:"small_blind_amt"`
			E *int64  `json:"small_blind_player_num"`
			F *int64  `json:"button_player_num"`
			G *int64  `json:"third_blind_amt"`
			H *int64  `json:"blind_level"`
		}{
			b.AnteType, b.BigBlindAmt, b.BigBlindPlayerNum, b.SmallBlindAmt, b.SmallBlindPlayerNum, b.ButtonPlayerNum,
			b.ThirdBlindAmt, b.BlindLevel,
		}),
		"player_count": int64(len(h.Players)), "pot_size": pot, "board_cards": asJSON(t, board),
		"winner_name": name, "winner_seat": seat,
	}
}

func (p *player) id() string {
	return strings.ToLower(strings.TrimSpace(p.Name)) + ":" + strings.ToLower(strings.TrimSpace(p.LongName))
}

func (p *player) row(t *testing.T, hand string, place int) map[string]any {
	t.Helper()
	cards := strings.Fields(strings.Join(p.HoleCards, " "))
	if len(cards) == 0 {
		cards = []string{}
	}
	rank := p.EliminationRank
	if rank == 0 {
		rank = -1
	}
	return map[string]any{
		"id": fmt.Sprintf("%s-%d", hand, place), "hand_id": hand, "player_id": p.id(), "seat_num": p.PlayerNum,
		"player_name": p.Name, "hole_cards": asJSON(t, cards), "has_shown": truth(len(cards) > 0),
		"start_stack_amt": p.StartStackAmt, "end_stack_amt": p.EndStackAmt,
		"is_winner":               truth(p.EndStackAmt > p.StartStackAmt),
		"cumulative_winnings_amt": p.CumulativeWinningsAmt, "blind_bet_straddle_amt": p.BlindBetStraddleAmt,
		"sitting_out": truth(p.SittingOut), "elimination_rank": rank, "vpip_percent": number(t, p.VPIPPercent),
		"preflop_raise_percent":        number(t, p.PreFlopRaisePercent),
		"aggression_frequency_percent": number(t, p.AggressionFrequencyPercent),
		"went_to_showdown_percent":     number(t, p.WentToShowDownPercent),
	}
}

func (e *event) row(hand string, order int) map[string]any {
	return map[string]any{
		"id": fmt.Sprintf("%s-%d", hand, order), "hand_id": hand, "event_order": int64(order),
		"event_type": strings.ReplaceAll(e.EventType, " ", "_"), "player_num": e.PlayerNum, "bet_amt": e.BetAmt,
		"pot": e.Pot, "board_cards": orNil(e.BoardCards), "board_num": e.BoardNum, "num_cards_drawn": e.NumCardsDrawn,
		"event_time": orNil(e.DateTimeUTC),
	}
}

func orNil(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func number(t *testing.T, n json.Number) any {
	t.Helper()
	if n == "" {
		return int64(0)
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var isoDuration = regexp.MustCompile(`^P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?$`)

func seconds(t *testing.T, iso string) (total int64) {
	t.Helper()
	parts := isoDuration.FindStringSubmatch(iso)
	if parts == nil {
		t.Fatalf("duration %q", iso)
	}
	for i, unit := range []int64{86400, 3600, 60, 1} {
		if parts[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n * unit
	}
	return total
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
