package hashindex_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
)

// counted is the rule of the view gfx_session_digest. If Digest.Add had another rule, equal tables would not have equal
// digests.
var counted = regexp.MustCompile(`^[0-9a-f]{16,}$`)

func FuzzDigestAdd(f *testing.F) {
	for _, hash := range []string{
		"", "0", "0123456789abcde", "0123456789abcdef", "0123456789ABCDEF", "0123456789abcdefg", "0123456789abcdef\n",
		"+123456789abcdef", "0x23456789abcdef", "_123456789abcdef", strings.Repeat("f", 32), strings.Repeat("f", 64),
		strings.Repeat("0", 1000), "한글한글한글한글", "0123456789abcdef\x00",
	} {
		f.Add(hash)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		var d, empty hashindex.Digest
		taken := d.Add(hash)
		if want := counted.MatchString(hash); taken != want {
			t.Fatalf("%q is taken: %v, want %v", hash, taken, want)
		}
		if !taken {
			if d != empty {
				t.Errorf("%q is not taken, and counts", hash)
			}
			return
		}
		var at int
		if _, err := fmt.Sscanf(hash[:2], "%02x", &at); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%016x", d[at].XOR); d[at].Rows != 1 || got != hash[:16] {
			t.Errorf("%q: %d rows, XOR %s", hash, d[at].Rows, got)
		}
		d.Add(hash)
		if d[at].Rows != 2 || d[at].XOR != 0 {
			t.Errorf("%q twice: %+v", hash, d[at])
		}
	})
}
