package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/store"
)

// maxWatchesFile says how many folders all programs of one account together may watch (inotify(7)).
const maxWatchesFile = "/proc/sys/fs/inotify/max_user_watches"

// watchLimit compares the number of folders to watch with the limit of the system.
func watchLimit(folders int) []store.Finding {
	text, err := os.ReadFile(maxWatchesFile)
	if err != nil {
		return []store.Finding{{Part: "inotify", Verdict: store.Skipped, Text: fmt.Sprintf("not tested: %v", err)}}
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		text := fmt.Sprintf("not tested: %s: %v", maxWatchesFile, err)
		return []store.Finding{{Part: "inotify", Verdict: store.Skipped, Text: text}}
	}
	return []store.Finding{inotify(folders, limit)}
}

func inotify(folders, limit int) store.Finding {
	f := store.Finding{
		Part: "inotify", Verdict: store.OK,
		Text: fmt.Sprintf("%s to watch; all programs of this account together may watch %d",
			english.Plural(folders, "folder", ""), limit),
		Hint: "raise fs.inotify.max_user_watches, for example: sysctl -w fs.inotify.max_user_watches=524288",
	}
	switch {
	case folders > limit:
		f.Verdict, f.Text = store.Fail, f.Text+": in the others, files are found by the scan schedule alone"
	case folders > limit/4*3:
		f.Verdict = store.Warn
	default:
		f.Hint = ""
	}
	return f
}
