package doctor

import (
	"fmt"
	"strings"

	"github.com/gfxsync/gfxsync/store"
)

// networkDrive says that a watch path is on a network drive of Windows. The share is such as \\NAS\gfx, or empty if
// Windows does not tell.
func networkDrive(dir, letter, share string) store.Finding {
	instead := "//SERVER/SHARE/FOLDER"
	if share != "" {
		// A path without the drive letter begins with a slash of either kind, or is empty.
		instead = strings.ReplaceAll(share+dir[len(letter):], `\`, "/")
	}
	return store.Finding{
		Part: "drive", Verdict: store.Warn,
		Text: fmt.Sprintf("%s is on the network drive %s, which is there only for the user who connected it, and "+
			"never for a service", dir, letter),
		Hint: "set GFX_SYNC_GFX_WATCH_PATH to " + strings.TrimSuffix(instead, "/"),
	}
}
