package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Passes is the history of passes, and the way to ask a running agent for one.
type Passes struct {
	q sqlite.Querier
}

// Pass is an entry of the history.
type Pass struct {
	ID      int64
	Command string // who asked: run, reconcile or verify
	Mode    string
	Options json.RawMessage
	Report  json.RawMessage // nil until it has ended
}

// keepPasses bounds the history.
const keepPasses = 500

// Request asks for a pass, which Next will return, and returns its id.
func (p Passes) Request(ctx context.Context, command, mode string, options any) (id int64, err error) {
	text, err := json.Marshal(options)
	if err != nil {
		return 0, fmt.Errorf("ask for a pass: %w", err)
	}
	err = p.q.QueryRowContext(ctx, `INSERT INTO passes (command, mode, options, requested_ms) VALUES (?, ?, ?, ?) RETURNING id`,
		command, mode, string(text), time.Now().UnixMilli()).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("ask for a pass: %w", err)
	}
	return id, nil
}

// Next returns the oldest pass that was asked for and not begun, nil if there is none.
func (p Passes) Next(ctx context.Context) (*Pass, error) {
	return p.one(ctx, `WHERE started_ms IS NULL ORDER BY id LIMIT 1`)
}

// Get returns a pass.
func (p Passes) Get(ctx context.Context, id int64) (*Pass, error) {
	return p.one(ctx, `WHERE id = ?`, id)
}

// Last returns the last finished pass of these commands, nil if there is none.
func (p Passes) Last(ctx context.Context, command, orCommand string) (*Pass, error) {
	return p.one(ctx, `WHERE finished_ms IS NOT NULL AND command IN (?, ?) ORDER BY id DESC LIMIT 1`, command, orCommand)
}

func (p Passes) one(ctx context.Context, where string, args ...any) (*Pass, error) {
	var pass Pass
	var options string
	var report sql.NullString
	err := p.q.QueryRowContext(ctx, `SELECT id, command, mode, options, report FROM passes `+where, args...).
		Scan(&pass.ID, &pass.Command, &pass.Mode, &options, &report)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history of passes: %w", err)
	}
	pass.Options = json.RawMessage(options)
	if report.Valid {
		pass.Report = json.RawMessage(report.String)
	}
	return &pass, nil
}

// Begin writes down that a pass has begun, and forgets the oldest ones.
func (p Passes) Begin(ctx context.Context, id int64) error {
	_, err := p.q.ExecContext(ctx, `UPDATE passes SET started_ms = ? WHERE id = ?`, time.Now().UnixMilli(), id)
	if err == nil {
		_, err = p.q.ExecContext(ctx, `DELETE FROM passes WHERE id <= ?`, id-keepPasses)
	}
	if err != nil {
		return fmt.Errorf("write the history of passes: %w", err)
	}
	return nil
}

// Reopen has the passes that were asked for, and begun by an agent that did not live to finish them, made again. A pass
// to which its operator gave a consent is forgotten: the consent was for what the folder was then.
func (p Passes) Reopen(ctx context.Context) error {
	_, err := p.q.ExecContext(ctx, `DELETE FROM passes WHERE finished_ms IS NULL AND command = 'reconcile'
		AND json_extract(options, '$.accept_missing')`)
	if err == nil {
		_, err = p.q.ExecContext(ctx, `UPDATE passes SET started_ms = NULL
			WHERE finished_ms IS NULL AND command = 'reconcile'`)
	}
	if err != nil {
		return fmt.Errorf("write the history of passes: %w", err)
	}
	return nil
}

// Finish writes down what a pass has found.
func (p Passes) Finish(ctx context.Context, id int64, report any) error {
	text, err := json.Marshal(report)
	if err == nil {
		_, err = p.q.ExecContext(ctx, `UPDATE passes SET finished_ms = ?, report = ? WHERE id = ?`, time.Now().UnixMilli(), string(text), id)
	}
	if err != nil {
		return fmt.Errorf("write the history of passes: %w", err)
	}
	return nil
}

// Withdraw takes back a request that nobody has begun, and says whether it could.
func (p Passes) Withdraw(ctx context.Context, id int64) (bool, error) {
	res, err := p.q.ExecContext(ctx, `DELETE FROM passes WHERE id = ? AND started_ms IS NULL`, id)
	if err != nil {
		return false, fmt.Errorf("withdraw a pass: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
