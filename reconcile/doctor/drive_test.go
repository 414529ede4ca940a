package doctor

import (
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

func TestANetworkDriveAndThePathToUseInstead(t *testing.T) {
	for _, tc := range []struct{ dir, share, instead string }{
		{`Z:\PC01\output`, `\\NAS\gfx`, "to //NAS/gfx/PC01/output"},
		{`Z:/PC01`, `\\NAS\gfx\live`, "to //NAS/gfx/live/PC01"},
		{`Z:\`, `\\NAS\gfx`, "to //NAS/gfx"},
		{`Z:\`, "", "to //SERVER/SHARE/FOLDER"},
	} {
		f := networkDrive(tc.dir, Drive{"Z:", tc.share})
		expect(t, f, "drive", store.Warn, tc.dir+" is on the network drive Z:", "never for a service", tc.instead)
	}
}
