package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
)

// latestHand is a query that graphics might make: the last hand of the session that began last.
const latestHand = "SELECT session_id_text, hand_num, pot_size, board_cards, winner_name FROM gfx_hands" +
	" ORDER BY session_id DESC, position DESC LIMIT 1"

// hands: the rows that graphics read are there as soon as the session is.
func (d *demo) hands(ctx context.Context) (err error) {
	db, err := sql.Open("sqlite", d.tableFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var hands, players, events int64
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM gfx_hands), (SELECT count(*) FROM gfx_players),
		(SELECT count(*) FROM gfx_events)`).Scan(&hands, &players, &events)
	if err != nil {
		return fmt.Errorf("read the hands: %w", err)
	}
	var h shownHand
	if err := db.QueryRowContext(ctx, latestHand).Scan(&h.session, &h.num, &h.pot, &h.board, &h.winner); err != nil {
		return fmt.Errorf("read the latest hand: %w", err)
	}
	d.say("gfx_hands has %s hands of %s, gfx_players %d players, gfx_events %s events.", humanize.Comma(hands),
		plural(len(d.files), "session"), players, humanize.Comma(events))
	d.say("The latest: session %s, hand %d: pot %s, board %s, won by %s.", h.session, h.num, humanize.Comma(h.pot),
		h.cards(), h.winner.String)
	var played int64
	for _, f := range d.files {
		played += int64(f.session.Hands())
	}
	if hands != played {
		return fmt.Errorf("%w: %d hands were played", errMissing, played)
	}
	return nil
}

// shownHand is a row of gfx_hands.
type shownHand struct {
	session, board string
	num, pot       int64
	winner         sql.NullString
}

// cards lists the cards of the board.
func (h *shownHand) cards() string {
	var cards []string
	if err := json.Unmarshal([]byte(h.board), &cards); err != nil || len(cards) == 0 {
		return "not dealt"
	}
	return strings.Join(cards, " ")
}
