package hashindex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// InFolder calls each for every file directly in a folder of a root that is not gone, with the name of the file. The
// empty folder is the root. It reads all that is below the folder.
func (x Index) InFolder(ctx context.Context, root, folder string, each func(name string, stamp Stamp)) error {
	prefix := []byte(nil)
	if folder != "" {
		prefix = append(orderKey(folder), 0)
	}
	rows, err := x.q.QueryContext(ctx, `SELECT path, size, mtime_ns FROM files WHERE root = ?1 AND state <> 'gone'
		AND order_key > coalesce(?2, x'') AND (?3 IS NULL OR order_key < ?3)
		AND instr(substr(order_key, ?4), x'00') = 0`,
		root, prefix, after(prefix), len(prefix)+1)
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	return eachStamp(rows, func(path string, stamp Stamp) {
		each(path[strings.LastIndexByte(path, '/')+1:], stamp)
	})
}

// after returns the least key that comes after all keys with a prefix that ends with NUL; nil if the prefix is empty.
func after(prefix []byte) any {
	if len(prefix) == 0 {
		return nil
	}
	next := append([]byte(nil), prefix...)
	next[len(next)-1] = 1
	return next
}

// ModifiedSince calls each for the files of a root that were written since a moment and are not gone, the newest first,
// and for no more than limit.
func (x Index) ModifiedSince(ctx context.Context, root string, since time.Time, limit int,
	each func(path string, stamp Stamp),
) error {
	rows, err := x.q.QueryContext(ctx, `SELECT path, size, mtime_ns FROM files
		WHERE root = ? AND state <> 'gone' AND mtime_ns >= ? ORDER BY mtime_ns DESC LIMIT ?`,
		root, since.UnixNano(), limit)
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	return eachStamp(rows, each)
}

// eachStamp reads rows of path, size and time, and closes them.
func eachStamp(rows *sql.Rows, each func(path string, stamp Stamp)) error {
	for rows.Next() {
		var path string
		var stamp Stamp
		if err := rows.Scan(&path, &stamp.Size, &stamp.ModTime); err != nil {
			return errors.Join(fmt.Errorf("read the index: %w", err), rows.Close())
		}
		each(path, stamp)
	}
	return errors.Join(rows.Err(), rows.Close())
}
