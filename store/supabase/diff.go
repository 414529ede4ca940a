package supabase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// digestView sums up a table by hash prefix: always 256 rows, so that an answer shows by itself whether it is whole.
func digestView(table string) string {
	if table == "gfx_sessions" {
		return "gfx_session_digest"
	}
	return table + "_digest"
}

// insufficientPrivilege is the SQLSTATE of a view that may not be read. The table is compared without it.
const insufficientPrivilege = "42501"

// Digest implements store.Table by the view that the SQL of gfxsync schema makes. A server that caps its answers below 256 rows is
// asked for the rest.
func (r *Remote) Digest(ctx context.Context) (d store.Digest, err error) {
	next := 0
	for next < len(d) {
		body, err := r.do(ctx, digestView(r.opts.Table), nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return r.part(t.Select("prefix,rows,xor", "", false)).Gte("prefix", fmt.Sprintf("%02x", next)).Order("prefix", &ascending)
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
			return d, nil // the view has no rows for a PC that has none
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

// readDigest reads the rows of the view, the first of which must be of prefix next, and returns the prefix after the last.
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

// hashAsText casts (PostgREST documentation, "Casting Columns"): a column of type char(64) pads what is shorter, and text does not.
const hashAsText = store.ColumnFileHash + "::text"

var ascending = postgrest.OrderOpts{Ascending: true}

// Hashes implements store.Table by keyset paging. The first page asks for all that have a hash: not every server takes
// a comparison with nothing.
func (r *Remote) Hashes(ctx context.Context, after string, limit int) ([]string, error) {
	return r.hashes(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
		if after == "" {
			rows = rows.Not(store.ColumnFileHash, "is", "null")
		} else {
			rows = rows.Gt(store.ColumnFileHash, after)
		}
		return rows.Order(store.ColumnFileHash, &ascending).Limit(limit, "")
	})
}

// Has implements store.Table.
func (r *Remote) Has(ctx context.Context, hashes []string) ([]string, error) {
	return r.hashes(ctx, func(rows *postgrest.FilterBuilder) *postgrest.FilterBuilder {
		return rows.In(store.ColumnFileHash, hashes)
	})
}

func (r *Remote) hashes(
	ctx context.Context, which func(*postgrest.FilterBuilder) *postgrest.FilterBuilder,
) ([]string, error) {
	body, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return which(withContent(r.part(t.Select(hashAsText, "", false))))
	})
	if err != nil {
		return nil, err
	}
	return readHashes(body)
}

func readHashes(body []byte) ([]string, error) {
	var rows []struct {
		Hash *string `json:"file_hash"`
	}
	if err := json.Unmarshal(body, &rows); err != nil {
		return nil, &store.RemoteError{Class: store.Outage, Message: clip(fmt.Sprintf("the answer is no list of hashes: %v", err)), Err: err}
	}
	list := make([]string, len(rows))
	for i, row := range rows {
		if row.Hash == nil {
			return nil, nullKey(store.ColumnFileHash)
		}
		list[i] = *row.Hash
	}
	return list, nil
}

// Delete implements store.Table.
func (r *Remote) Delete(ctx context.Context, hashes []string) error {
	_, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return r.part(t.Delete("minimal", "")).In(store.ColumnFileHash, hashes)
	})
	return err
}

// Rename implements store.Table. A table without these columns names no file.
func (r *Remote) Rename(ctx context.Context, hash, path string) error {
	nasPath, fileName := store.Names(path)
	for range 3 { // each of the columns may turn out to be absent
		columns := map[string]string{store.ColumnNASPath: nasPath, store.ColumnFileName: fileName}
		maps.DeleteFunc(columns, func(column, _ string) bool { return r.absentColumns()[column] })
		if len(columns) == 0 {
			return nil
		}
		body, err := json.Marshal(columns)
		if err != nil {
			return err
		}
		_, err = r.do(ctx, r.opts.Table, body, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return r.part(t.Update(nil, "minimal", "")).Eq(store.ColumnFileHash, hash)
		})
		if err == nil || !r.learnAbsent(err) {
			return err
		}
	}
	return nil
}

// Requests implements store.Table.
func (r *Remote) Requests() int64 { return r.requests.Load() }
