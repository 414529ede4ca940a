package supabase

import (
	"context"
	"errors"
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

// OfPC implements store.Table.
func (r *Remote) OfPC(pcID string) store.Table {
	if r.conflict != store.ByPCAndHash {
		return r
	}
	return &Remote{shared: r.shared, conflict: r.conflict, pcID: pcID}
}

// ofPC limits a query to the rows of one PC, if the remote is limited to one (Of).
func (r *Remote) ofPC(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
	if r.pcID == "" {
		return rows
	}
	return rows.Eq(columnPC, r.pcID)
}

// withContent leaves out rows without raw_json. They count as missing.
func withContent(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
	return rows.Not(store.ColumnRawJSON, "is", "null")
}

// Sessions implements store.SessionTable by keyset paging. The first page has the condition that the session is not
// null, because some servers do not accept a comparison with the smallest number.
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

// SessionRows implements store.SessionTable.
func (r *Remote) SessionRows(ctx context.Context, sessions []int64) ([]store.SessionRow, error) {
	ids := make([]string, len(sessions))
	for i, s := range sessions {
		ids[i] = strconv.FormatInt(s, 10)
	}
	return r.sessions(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
		return rows.In(columnSession, ids)
	})
}

func (r *Remote) sessions(
	ctx context.Context, which func(*postgrest.FilterBuilder) *postgrest.FilterBuilder,
) ([]store.SessionRow, error) {
	for {
		body, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return which(withContent(t.Select(strings.Join(r.sessionColumns(), ","), "", false)))
		})
		if err == nil {
			return readSessions(body)
		}
		if !r.learnUndefined(err) {
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

// versionColumns are optional columns that describe the version in a row.
var versionColumns = []string{columnPC, store.ColumnModifiedAt}

// undefinedColumn is PostgreSQL's message of 42703: column gfx_sessions.gfx_pc_id does not exist.
var undefinedColumn = regexp.MustCompile(`^column [^ ]*\.([a-z_]+) does not exist`)

// learnUndefined reports whether the error says that the table lacks one of versionColumns. If so, the column is left
// out from now on.
func (r *Remote) learnUndefined(err error) bool {
	var re *store.RemoteError
	if !errors.As(err, &re) || re.Code != "42703" {
		return false
	}
	m := undefinedColumn.FindStringSubmatch(re.Message)
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
	if err := decode(body, &rows); err != nil {
		return nil, err
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

// nullKey returns an error for a row without a value in the column. The request had the condition that there is one, so
// the conditions do not reach the server.
func nullKey(column string) error {
	return &store.RemoteError{
		Class: store.Outage,
		Message: "the server answered rows without " + column + ", which were not asked for; " +
			"the table cannot be read page by page",
		Hint: "look whether something between gfxsync and Supabase drops the query of a URL, and run gfxsync check",
	}
}

// modTime parses a timestamp as PostgreSQL writes it into JSON. It returns nanoseconds since 1970, or 0 if the text is
// not a timestamp.
func modTime(text string) int64 {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 1700 && at.Year() < 2250 {
			return at.UnixMicro() * 1000
		}
	}
	return 0
}
