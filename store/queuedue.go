package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Suspicion says what is known of a record that failed in a request of its own. The cause may be the record or the
// remote.
type Suspicion uint8

const (
	NotSuspect Suspicion = iota
	Unproven             // no upsert of another record has succeeded since the failure
	Proven               // such an upsert has succeeded: the next failure of this record counts as a refusal
)

// QueuePlace is the place of an entry in the order in which the queue is drained. Entries that have not failed alone
// come first, the oldest first. Then come the suspects, those first whose last attempt is longest ago. The zero value
// is before all entries.
type QueuePlace struct {
	ID        int64 // of the entry
	Suspicion Suspicion
	Tried     int64 // when a suspect was last tried, in milliseconds since 1970
	Refused   bool  // the remote has refused the record before
}

// UnreadableError says that an entry of the queue is corrupt.
type UnreadableError struct {
	ID  int64
	err error
}

// NewUnreadableError is for a caller that finds a record corrupt that the queue could read.
func NewUnreadableError(id int64, err error) *UnreadableError {
	return &UnreadableError{ID: id, err: err}
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("entry %d of the queue is damaged: %v", e.ID, e.err)
}

// clockSetBack is the tolerance for times in the future. A last attempt that is further in the future shows that the
// clock was set back since. A shorter time shows nothing: the caller takes the time before it waits for the database,
// and an attempt may end meanwhile.
const clockSetBack = time.Minute

// Due returns the entries that are due, in the order of QueuePlace, beginning after a place. It returns at most limit
// entries. Their content has at most maxBytes, unless the first alone is larger. It fails with an UnreadableError if
// the first entry is corrupt. An entry is also due if its last attempt is in the future by more than clockSetBack.
func (q Queue) Due(ctx context.Context, after QueuePlace, limit int, maxBytes int64,
	now time.Time,
) (items []Item, err error) {
	if after.Suspicion == NotSuspect {
		items, err = q.due(ctx, `suspect = 0 AND id > ?4 ORDER BY id`, limit, maxBytes, now, after.ID)
		if err != nil || len(items) > 0 {
			return items, err
		}
		after = QueuePlace{}
	}
	return q.due(ctx, `suspect > 0 AND (last_attempt, id) > (?5, ?4) ORDER BY last_attempt, id`,
		limit, maxBytes, now, after.ID, after.Tried)
}

func (q Queue) due(ctx context.Context, which string, limit int, maxBytes int64, now time.Time,
	after ...any,
) (items []Item, err error) {
	var size int64
	for row, err := range sqlite.Rows(ctx, q.q, `
		SELECT id, suspect, coalesce(last_attempt, 0), retry_count > 0, root, file_path, record_json,
			created_at, mtime_ns
		FROM pending_sync
		WHERE NOT dead AND (next_attempt <= ?1 OR last_attempt > ?2) AND `+which+` LIMIT ?3`,
		append([]any{now.UnixMilli(), now.Add(clockSetBack).UnixMilli(), limit}, after...)...) {
		var item Item
		var content []byte
		if err == nil {
			item, content, err = scanItem(row)
		}
		if err != nil {
			return nil, fmt.Errorf("read the queue: %w", err)
		}
		if size += int64(len(content)); size > maxBytes && len(items) > 0 {
			break
		}
		modTime := item.Record.ModTime
		// json.Unmarshal would scan the content twice more.
		if err := item.Record.UnmarshalJSON(content); err != nil {
			if len(items) > 0 {
				break // return the entries before it first
			}
			return nil, &UnreadableError{ID: item.Place.ID, err: err}
		}
		item.Record.ModTime = modTime
		items = append(items, item)
	}
	return items, nil
}

func scanItem(row sqlite.Row) (item Item, content []byte, err error) {
	item.Lane = LaneQueue
	var created int64
	p := &item.Place
	err = row.Scan(&p.ID, &p.Suspicion, &p.Tried, &p.Refused, &item.Source.Root, &item.Source.Path,
		&content, &created, &item.Record.ModTime)
	item.At = time.UnixMilli(created)
	return item, content, err
}

// MakeDue makes all entries that are not dead due at once.
func (q Queue) MakeDue(ctx context.Context) error {
	if err := q.mustSync(); err != nil {
		return err
	}
	_, err := q.q.ExecContext(ctx, `UPDATE pending_sync SET next_attempt = 0 WHERE NOT dead AND next_attempt > 0`)
	if err != nil {
		return fmt.Errorf("change the queue: %w", err)
	}
	return nil
}
