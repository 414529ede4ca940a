package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Check says whether Open would succeed on the file at path, and whether records can be written to the file. It neither
// makes nor changes the file.
func Check(ctx context.Context, path string) store.Finding {
	f := store.Finding{Part: "local", Verdict: store.OK, Text: path}
	rows, err := look(ctx, path)
	switch {
	case errors.Is(err, sqlite.ErrMissing):
		f.Text += " is not there yet, and can be made"
		if err := sqlite.CheckPlace(path); err != nil {
			return store.Finding{
				Part: f.Part, Verdict: store.Fail, Text: fmt.Sprintf("%s cannot be made: %v", path, err),
				Hint: "give the account that gfxsync runs under the right to write there, or set GFX_SYNC_LOCAL_DB " +
					"to another place",
			}
		}
	case err != nil:
		f.Verdict, f.Text = store.Fail, err.Error()
		f.Hint = "mend the file, or set GFX_SYNC_LOCAL_DB to another path: all that the folder has is sent to it"
	default:
		f.Text += ": " + english.Plural(int(rows), "row", "")
	}
	return f
}

func look(ctx context.Context, path string) (rows int64, err error) {
	db, err := openAny(ctx, path)
	if err != nil {
		return 0, err
	}
	if err = db.Check(ctx); err == nil {
		err = db.Read().QueryRowContext(ctx, `SELECT count(*) FROM gfx_sessions`).Scan(&rows)
	}
	return rows, errors.Join(err, db.Close())
}

// openAny opens a file that this or an older gfxsync made, and does not migrate it.
func openAny(ctx context.Context, path string) (db *sqlite.DB, err error) {
	for n := len(migrations); n > 0; n-- {
		if db, err = sqlite.OpenExisting(ctx, path, migrations[:n]); !errors.Is(err, sqlite.ErrMissing) {
			break
		}
	}
	return db, err
}
