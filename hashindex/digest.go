package hashindex

import (
	"strconv"
	"strings"
)

// Digest sums up a set of hashes by the value of their first two hex digits. For each value it holds how many hashes
// there are and the XOR of their first 16 digits. Two sets with equal digests are taken as equal.
type Digest [256]struct {
	Rows int64
	XOR  uint64
}

// Add adds a hash and reports whether it could. It leaves out what is not at least 16 lower-case hex digits, as the
// digest view of the remote does.
func (d *Digest) Add(hash string) bool {
	if len(hash) < 16 || strings.Trim(hash, "0123456789abcdef") != "" {
		return false
	}
	v, err := strconv.ParseUint(hash[:16], 16, 64)
	if err != nil {
		return false
	}
	d[v>>56].Rows++
	d[v>>56].XOR ^= v
	return true
}
