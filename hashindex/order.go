package hashindex

import (
	"cmp"
	"strings"
)

// orderKey returns the key by which the index sorts a path. Keys sort as a walk visits the paths: "a/x" comes before
// "a-b", because the separator sorts first.
func orderKey(path string) []byte { return []byte(strings.ReplaceAll(path, "/", "\x00")) }

// compareInWalk compares two paths as their order keys compare, without making the keys.
func compareInWalk(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		switch {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
