package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

const (
	columnSession = "session_id"
	columnHands   = "hand_count"
	columnPC      = "gfx_pc_id"
)

// Of implements store.Table.
func (r *Remote) Of(pcID string) store.Table {
	if r.conflict != store.ByPCAndHash {
		return r
	}
	return &Remote{shared: r.shared, conflict: r.conflict, pcID: pcID}
}

// part asks only for the rows of the PC, where the remote is that of one.
func (r *Remote) part(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
	if r.pcID == "" {
		return rows
	}
	return rows.Eq(columnPC, r.pcID)
}

// Sessions implements store.SessionTable by keyset paging.
func (r *Remote) Sessions(ctx context.Context, after int64, limit int) ([]store.SessionRow, error) {
	return r.sessions(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
		return rows.Gt(columnSession, strconv.FormatInt(after, 10)).Order(columnSession, &ascending).Limit(limit, "")
	})
}

// RowsOf implements store.SessionTable.
func (r *Remote) RowsOf(ctx context.Context, sessions []int64) ([]store.SessionRow, error) {
	ids := make([]string, len(sessions))
	for i, s := range sessions {
		ids[i] = strconv.FormatInt(s, 10)
	}
	return r.sessions(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder { return rows.In(columnSession, ids) })
}

func (r *Remote) sessions(ctx context.Context, which func(*postgrest.FilterBuilder) *postgrest.FilterBuilder) ([]store.SessionRow, error) {
	for {
		body, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return which(t.Select(strings.Join(r.sessionColumns(), ","), "", false))
		})
		if err == nil {
			return readSessions(body)
		}
		if !r.learnUnread(err) {
			return nil, err
		}
	}
}

func (r *Remote) sessionColumns() []string {
	columns, absent := []string{columnSession, hashAsText}, r.absentColumns()
	for _, c := range []string{columnHands, columnPC} {
		if !absent[c] {
			columns = append(columns, c)
		}
	}
	return columns
}

// unreadColumn is PostgreSQL's message of 42703: column gfx_sessions.hand_count does not exist.
var unreadColumn = regexp.MustCompile(`^column [^ ]*\.([a-z_]+) does not exist`)

// learnUnread looks whether the error says that the table lacks one of the columns that tell versions apart, and remembers it.
func (r *Remote) learnUnread(err error) bool {
	var re *store.RemoteError
	if !errors.As(err, &re) || re.Code != "42703" {
		return false
	}
	m := unreadColumn.FindStringSubmatch(re.Message)
	if m == nil || (m[1] != columnHands && m[1] != columnPC) {
		return false
	}
	r.noteAbsent(m[1])
	return true
}

func readSessions(body []byte) ([]store.SessionRow, error) {
	var rows []struct {
		Session int64   `json:"session_id"`
		Hash    string  `json:"file_hash"`
		Hands   *int    `json:"hand_count"`
		PC      *string `json:"gfx_pc_id"`
	}
	if err := json.Unmarshal(body, &rows); err != nil {
		return nil, &store.RemoteError{Class: store.Outage, Message: fmt.Sprintf("the answer is no list of sessions: %v", err), Err: err}
	}
	list := make([]store.SessionRow, len(rows))
	for i, row := range rows {
		list[i] = store.SessionRow{Session: row.Session, FileHash: row.Hash, Hands: -1}
		if row.Hands != nil {
			list[i].Hands = *row.Hands
		}
		if row.PC != nil {
			list[i].PCID = *row.PC
		}
	}
	return list, nil
}
