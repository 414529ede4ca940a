package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

const (
	columnSession = "session_id"
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

// withContent leaves out the rows that have no raw_json: they count as missing.
func withContent(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
	return rows.Not(store.ColumnRawJSON, "is", "null")
}

// Sessions implements store.SessionTable by keyset paging. The first page asks for all that have a session: not every
// server takes a comparison with the smallest number.
func (r *Remote) Sessions(ctx context.Context, after int64, limit int) ([]store.SessionRow, error) {
	return r.sessions(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
		if after == math.MinInt64 {
			rows = rows.Not(columnSession, "is", "null")
		} else {
			rows = rows.Gt(columnSession, strconv.FormatInt(after, 10))
		}
		return rows.Order(columnSession, &ascending).Limit(limit, "")
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
			return which(withContent(t.Select(strings.Join(r.sessionColumns(), ","), "", false)))
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
	for _, c := range versionColumns {
		if !absent[c] {
			columns = append(columns, c)
		}
	}
	return columns
}

// versionColumns tell versions apart, where the table has them.
var versionColumns = []string{columnPC, store.ColumnModifiedAt}

// unreadColumn is PostgreSQL's message of 42703: column gfx_sessions.gfx_pc_id does not exist.
var unreadColumn = regexp.MustCompile(`^column [^ ]*\.([a-z_]+) does not exist`)

// learnUnread looks whether the error says that the table lacks one of the columns that tell versions apart, and remembers it.
func (r *Remote) learnUnread(err error) bool {
	var re *store.RemoteError
	if !errors.As(err, &re) || re.Code != "42703" {
		return false
	}
	m := unreadColumn.FindStringSubmatch(re.Message)
	if m == nil || !slices.Contains(versionColumns, m[1]) {
		return false
	}
	r.noteAbsent(m[1])
	return true
}

func readSessions(body []byte) ([]store.SessionRow, error) {
	var rows []struct {
		Session  *int64 `json:"session_id"`
		Hash     string `json:"file_hash"`
		PC       string `json:"gfx_pc_id"`
		Modified string `json:"file_modified_at"`
	}
	if err := json.Unmarshal(body, &rows); err != nil {
		message := clip(fmt.Sprintf("the answer is no list of sessions: %v", err))
		return nil, &store.RemoteError{Class: store.Outage, Message: message, Err: err}
	}
	list := make([]store.SessionRow, len(rows))
	for i, row := range rows {
		if row.Session == nil {
			return nil, nullKey(columnSession)
		}
		list[i] = store.SessionRow{
			Session: *row.Session, FileHash: row.Hash, PCID: row.PC, ModTime: modTime(row.Modified),
		}
	}
	return list, nil
}

// nullKey says that a server answered rows that were left out by the request.
func nullKey(column string) error {
	return &store.RemoteError{
		Class: store.Outage,
		Message: "the server answered rows without " + column + ", which were not asked for; " +
			"the table cannot be read page by page",
		Hint: "look whether something between gfxsync and Supabase drops the query of a URL, and run gfxsync check",
	}
}

// modTime reads a timestamp as PostgreSQL writes it into JSON, in nanoseconds since 1970; 0 if it is none.
func modTime(text string) int64 {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 1700 && at.Year() < 2250 {
			return at.UnixMicro() * 1000
		}
	}
	return 0
}
