package supabase

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// hashAsText casts the hash to text (PostgREST documentation, "Casting Columns"). A column of type char(64) would pad a
// shorter hash with spaces.
const hashAsText = store.ColumnFileHash + "::text"

var ascending = postgrest.OrderOpts{Ascending: true}

// Hashes implements store.Table by keyset paging. The first page has the condition that the hash is not null, because
// some servers do not accept a comparison with an empty text.
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
		return which(withContent(r.ofPC(t.Select(hashAsText, "", false))))
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
	if err := decode(body, &rows); err != nil {
		return nil, err
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
		return r.ofPC(t.Delete("minimal", "")).In(store.ColumnFileHash, hashes)
	})
	return err
}

// Rename implements store.Table. If the table has neither of the columns, it does nothing.
func (r *Remote) Rename(ctx context.Context, hash, path string) error {
	nasPath, fileName := store.Names(path)
	for range 3 { // the table may turn out to lack either column
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
			return r.ofPC(t.Update(nil, "minimal", "")).Eq(store.ColumnFileHash, hash)
		})
		if err == nil || !r.learnAbsent(err) {
			return err
		}
	}
	return nil
}

// Requests implements store.Table.
func (r *Remote) Requests() int64 { return r.requests.Load() }
