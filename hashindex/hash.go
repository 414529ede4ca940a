// Package hashindex is what gfxsync knows of every file: the hash of its bytes, the index of files in SQLite, and the scan of a
// directory against that index. It knows no network.
package hashindex

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/zeebo/xxh3"
)

// Algorithm is how files are hashed. The zero value is XXH3.
type Algorithm uint8

const (
	XXH3   Algorithm = iota // XXH3-128: 32 hex digits
	SHA256                  // for tables that an earlier agent filled: 64 hex digits
)

// ParseAlgorithm takes "xxh3" or "sha256".
func ParseAlgorithm(s string) (Algorithm, error) {
	switch s {
	case "xxh3":
		return XXH3, nil
	case "sha256":
		return SHA256, nil
	default:
		return 0, fmt.Errorf("expected xxh3 or sha256")
	}
}

// Sum returns the hash of b in lower-case hex digits.
func (a Algorithm) Sum(b []byte) string {
	if a == SHA256 {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	sum := xxh3.Hash128(b).Bytes()
	return hex.EncodeToString(sum[:])
}

// New returns a hash to write to, for contents that are not held in memory; Hex reads it.
func (a Algorithm) New() hash.Hash {
	if a == SHA256 {
		return sha256.New()
	}
	return xxh3.New128()
}

// Hex returns what Sum would for all that was written to h.
func Hex(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// IsOf says whether a hash is that of a file with this content, perhaps after a byte order mark. What is as long as neither
// algorithm's hashes it takes for true: there is nothing to compare.
func IsOf(hash string, content []byte) bool {
	a, ok := algorithmOf(hash)
	return !ok || a.Sum(content) == hash || a.Sum(append([]byte("\xef\xbb\xbf"), content...)) == hash
}

// MayBeHash says whether a text looks like a hash of one of the algorithms.
func MayBeHash(text string) bool {
	_, ok := algorithmOf(text)
	return ok && strings.Trim(text, "0123456789abcdef") == ""
}

func algorithmOf(hash string) (Algorithm, bool) {
	for _, a := range []Algorithm{XXH3, SHA256} {
		if len(hash) == 2*a.New().Size() {
			return a, true
		}
	}
	return 0, false
}
