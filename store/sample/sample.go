// Package sample makes up PokerGFX sessions that look like real exports. A session is one line of JSON with an 18-digit
// ID, all hands so far, and the keys and value types of PokerGFX 3.2. The tests and the demo use it.
package sample

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Session is a poker session that grows hand by hand. Two sessions with the same seed and the same calls are equal.
type Session struct {
	ID      int64
	Title   string
	Type    string
	created time.Time
	rng     *rand.Rand
	seats   []seat
	hands   []hand
}

type seat struct {
	LongName, Name string
	Num            int
	Stack          int
}

type hand struct {
	AnteAmt              int
	BetStructure         string
	BombPotAmt           int
	Description          string
	Duration             string
	Events               []event
	FlopDrawBlinds       blinds
	GameClass            string
	GameVariant          string
	HandNum              int
	NumBoards            int
	Players              []player
	RecordingOffsetStart string
	RunItNumTimes        int
	StartDateTimeUTC     string
}

type event struct {
	BetAmt        int
	BoardCards    *string
	BoardNum      int
	DateTimeUTC   *string
	EventType     string
	NumCardsDrawn int
	PlayerNum     int
	Pot           int
}

type blinds struct {
	AnteType          string
	BigBlindAmt       int
	BigBlindPlayerNum int
	ButtonPlayerNum   int
	SmallBlindAmt     int
}

type player struct {
	CumulativeWinningsAmt int
	EliminationRank       int
	EndStackAmt           int
	HoleCards             []string
	LongName              string
	Name                  string
	PlayerNum             int
	SittingOut            bool
	StartStackAmt         int
	VPIPPercent           float64
}

var names = []string{
	"김민준", "이서연", "박도윤", "최지우", "정하준", "강수아", "Jonas Weber", "Maria Silva", "Tom O'Brien", "Ana \"Ace\" Costa", "王伟",
	"Søren Holm",
}

var types = []string{"FEATURE_TABLE", "MAIN_TABLE", "FINAL_TABLE", "SIDE_TABLE"}

// epoch is the time of the first session. PokerGFX uses the time in .NET ticks as an ID, and ticksAtEpoch is epoch in
// ticks.
var epoch = time.Date(2025, 10, 15, 10, 0, 0, 0, time.UTC)

const ticksAtEpoch = 638961192000000000

// New makes up a session without hands. Different seeds give different IDs.
func New(seed int) *Session {
	rng := rand.New(rand.NewPCG(uint64(seed), 20251015))
	ticks := int64(seed)*37_000_000_000 + rng.Int64N(30_000_000_000)
	s := &Session{
		ID:      ticksAtEpoch + ticks,
		Title:   []string{"", "", "GG 포커 페스티벌 — 메인 이벤트", "High Roller <Day 2> & Final"}[rng.IntN(4)],
		Type:    types[rng.IntN(len(types))],
		created: epoch.Add(time.Duration(ticks) * 100),
		rng:     rng,
	}
	for i, n := range rng.Perm(len(names))[:6+rng.IntN(3)] {
		stack := 1_000_000 + 5000*rng.IntN(400)
		s.seats = append(s.seats, seat{LongName: names[n], Name: names[n], Num: i + 2, Stack: stack})
	}
	return s
}

// FileName returns the file name that PokerGFX would use.
func (s *Session) FileName() string {
	return fmt.Sprintf("PGFX_live_data_export GameID=%d.json", s.ID)
}

// Hands returns the number of hands that have been played.
func (s *Session) Hands() int { return len(s.hands) }

// Players returns the number of players in the hands.
func (s *Session) Players() int {
	if len(s.hands) == 0 {
		return 0
	}
	return len(s.seats)
}

// Play plays n more hands.
func (s *Session) Play(n int) *Session {
	for range n {
		s.hands = append(s.hands, s.playHand(len(s.hands)+1))
	}
	return s
}

func (s *Session) playHand(num int) hand {
	start := s.created.Add(time.Duration(num) * 97 * time.Second)
	h := hand{
		AnteAmt: 15000, BetStructure: "NOLIMIT",
		Duration: fmt.Sprintf("PT%d.%07dS", 20+s.rng.IntN(39), s.rng.IntN(10_000_000)),
		FlopDrawBlinds: blinds{
			AnteType: "BB_ANTE_BB1ST", BigBlindAmt: 15000, SmallBlindAmt: 10000,
			BigBlindPlayerNum: s.seats[1].Num, ButtonPlayerNum: s.seats[0].Num,
		},
		GameClass: "FLOP", GameVariant: "HOLDEM", HandNum: num, NumBoards: 1, RunItNumTimes: 1,
		RecordingOffsetStart: fmt.Sprintf("P739542DT%dH%dM%d.%07dS",
			s.rng.IntN(24), s.rng.IntN(60), s.rng.IntN(60), s.rng.IntN(10_000_000)),
		StartDateTimeUTC: start.Format("2006-01-02T15:04:05.0000000Z"),
	}
	deck := s.rng.Perm(52)
	deal := func() string {
		card := deck[0]
		deck = deck[1:]
		return string("23456789tjqka"[card%13]) + string("shdc"[card/13])
	}
	pot := 40000
	for i, p := range s.seats {
		bet := 5000 * s.rng.IntN(20)
		kind := []string{"FOLD", "CALL", "BET", "CHECK", "ALL_IN"}[s.rng.IntN(5)]
		pot += bet
		h.Events = append(h.Events, event{BetAmt: bet, EventType: kind, PlayerNum: p.Num, Pot: pot})
		h.Players = append(h.Players, player{
			CumulativeWinningsAmt: 1000 * (s.rng.IntN(400) - 200), EliminationRank: -1, StartStackAmt: p.Stack,
			EndStackAmt: p.Stack - bet, HoleCards: []string{deal() + " " + deal()}, LongName: p.LongName, Name: p.Name,
			PlayerNum:   p.Num,
			VPIPPercent: float64(s.rng.IntN(1000)) / 10,
		})
		s.seats[i].Stack -= bet
	}
	for range []int{0, 3, 4, 5, 5}[s.rng.IntN(5)] {
		card := deal()
		h.Events = append(h.Events, event{BoardCards: &card, BoardNum: 1, EventType: "BOARD CARD"})
	}
	winner := s.rng.IntN(len(s.seats))
	h.Players[winner].EndStackAmt += pot
	s.seats[winner].Stack += pot
	return h
}

// JSON returns the file that PokerGFX would write now. It is one line without a newline at its end.
func (s *Session) JSON() []byte {
	b, err := json.Marshal(struct {
		CreatedDateTimeUTC string
		EventTitle         string
		Hands              []hand
		ID                 int64
		Payouts            [10]int
		SoftwareVersion    string
		Type               string
	}{
		CreatedDateTimeUTC: s.created.Format("2006-01-02T15:04:05.0000000Z"), EventTitle: s.Title,
		Hands: append([]hand{}, s.hands...), ID: s.ID, SoftwareVersion: "PokerGFX 3.2", Type: s.Type,
	})
	if err != nil {
		panic(err) // plain structs and strings cannot fail
	}
	return b
}
