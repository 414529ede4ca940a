package supabase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// digestView returns the name of the view that sums up a table by hash prefix. It always has 256 rows, so that an
// incomplete answer is recognised.
func digestView(table string) string {
	if table == "gfx_sessions" {
		return "gfx_session_digest"
	}
	return table + "_digest"
}

// insufficientPrivilege is the SQLSTATE for a missing right.
const insufficientPrivilege = "42501"

// Digest implements store.Table with the view that the SQL of gfxsync schema makes. If a server returns fewer than 256
// rows, Digest asks for the rest.
func (r *Remote) Digest(ctx context.Context) (d store.Digest, err error) {
	next := 0
	for next < len(d) {
		body, err := r.do(ctx, digestView(r.opts.Table), nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			rows := r.ofPC(t.Select("prefix,rows,xor", "", false))
			return rows.Gte("prefix", fmt.Sprintf("%02x", next)).Order("prefix", &ascending)
		})
		var re *store.RemoteError
		if errors.As(err, &re) && (re.Class == store.Setup || re.Code == insufficientPrivilege) {
			return d, fmt.Errorf("%w: %w", store.ErrNoDigest, re)
		}
		if err != nil {
			return d, err
		}
		before := next
		if r.pcID != "" && next == 0 && string(bytes.TrimSpace(body)) == "[]" {
			return d, nil // the view has no rows of this PC, because the table has none
		}
		if next, err = readDigest(&d, body, next); err != nil {
			return d, err
		}
		if next == before {
			return d, fmt.Errorf("%w: the view ends before prefix %02x", store.ErrNoDigest, next)
		}
	}
	return d, nil
}

// readDigest decodes rows of the view. The first must have the prefix next. It returns the prefix after the last.
func readDigest(d *store.Digest, body []byte, next int) (int, error) {
	var rows []struct {
		Prefix string `json:"prefix"`
		Rows   int64  `json:"rows"`
		XOR    int64  `json:"xor"`
	}
	if err := json.Unmarshal(body, &rows); err != nil {
		return next, fmt.Errorf("%w: it cannot be read: %s", store.ErrNoDigest, clip(err.Error()))
	}
	for _, row := range rows {
		prefix, err := strconv.ParseUint(row.Prefix, 16, 8)
		if err != nil || int(prefix) != next {
			return next, fmt.Errorf("%w: row %q where %02x belongs", store.ErrNoDigest, clip(row.Prefix), next)
		}
		d[prefix].Rows, d[prefix].XOR = row.Rows, uint64(row.XOR)
		next++
	}
	return next, nil
}
