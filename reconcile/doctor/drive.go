package doctor

import (
	"fmt"
	"strings"

	"github.com/gfxsync/gfxsync/store"
)

// Drive is the drive of Windows that a path begins with.
type Drive struct {
	Letter string // such as Z:
	Share  string // what a network drive is connected with, such as \\NAS\gfx; empty: Windows does not tell
}

// Instead returns the path to name in place of one that begins with the letter of a network drive.
func (d Drive) Instead(path string) string {
	if d.Share == "" {
		return "//SERVER/SHARE/FOLDER"
	}
	// A path without the drive letter begins with a slash of either kind, or is empty.
	return strings.TrimSuffix(strings.ReplaceAll(d.Share+path[len(d.Letter):], `\`, "/"), "/")
}

// networkDrive says that a watch path is on a network drive of Windows.
func networkDrive(dir string, drive Drive) store.Finding {
	return store.Finding{
		Part: "drive", Verdict: store.Warn,
		Text: fmt.Sprintf("%s is on the network drive %s, which is there only for the user who connected it, and "+
			"never for a service", dir, drive.Letter),
		Hint: "set GFX_SYNC_GFX_WATCH_PATH to " + drive.Instead(dir),
	}
}
