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

// Passes is the history of passes. It is also how a command asks a running agent for a pass.
type Passes struct {
	q sqlite.Querier
}

// Pass is an entry of the history.
type Pass struct {
	ID      int64
	Command string // the command that asked for it: run, reconcile or verify
	Mode    string // quick or full
	Options json.RawMessage
	Report  json.RawMessage // nil until the pass has ended
}

// keepPasses is how many passes the history keeps.
const keepPasses = 500

// Request asks for a pass and returns its ID. Next will return the pass.
func (p Passes) Request(ctx context.Context, command, mode string, options any) (id int64, err error) {
	text, err := json.Marshal(options)
	if err != nil {
		return 0, fmt.Errorf("ask for a pass: %w", err)
	}
	err = p.q.QueryRowContext(ctx,
		`INSERT INTO passes (command, mode, options, requested_ms) VALUES (?, ?, ?, ?) RETURNING id`,
		command, mode, string(text), time.Now().UnixMilli()).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("ask for a pass: %w", err)
	}
	return id, nil
}

// Next returns the oldest pass that has not begun, or nil.
func (p Passes) Next(ctx context.Context) (*Pass, error) {
	return p.one(ctx, `WHERE started_ms IS NULL ORDER BY id LIMIT 1`)
}

// Get returns a pass, or nil if it does not exist.
func (p Passes) Get(ctx context.Context, id int64) (*Pass, error) {
	return p.one(ctx, `WHERE id = ?`, id)
}

// Last returns the last finished pass of these commands, or nil.
func (p Passes) Last(ctx context.Context, command, orCommand string) (*Pass, error) {
	return p.one(ctx, `WHERE finished_ms IS NOT NULL AND command IN (?, ?) ORDER BY id DESC LIMIT 1`,
		command, orCommand)
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

// Begin records that a pass has begun. It removes passes that are too old for the history.
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

// Reopen lets passes run again that a command asked for and an agent began but did not finish. It removes passes with
// the operator's consent to missing files, begun or not: the consent was for the folder as it was then.
func (p Passes) RequeueUnfinished(ctx context.Context) error {
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

// Finish records the report of a pass.
func (p Passes) Finish(ctx context.Context, id int64, report any) error {
	text, err := json.Marshal(report)
	if err == nil {
		_, err = p.q.ExecContext(ctx, `UPDATE passes SET finished_ms = ?, report = ? WHERE id = ?`,
			time.Now().UnixMilli(), string(text), id)
	}
	if err != nil {
		return fmt.Errorf("write the history of passes: %w", err)
	}
	return nil
}

// Withdraw removes a request, unless the pass has begun. It reports whether it has removed it.
func (p Passes) Withdraw(ctx context.Context, id int64) (bool, error) {
	res, err := p.q.ExecContext(ctx, `DELETE FROM passes WHERE id = ? AND started_ms IS NULL`, id)
	if err != nil {
		return false, fmt.Errorf("withdraw a pass: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
