// Package hashindex holds what gfxsync knows of every file. It hashes files, keeps the index of files in SQLite, and
// scans a directory against that index. It knows no network.
package hashindex

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/zeebo/xxh3"
)

// Algorithm is a hash algorithm for files. The zero value is XXH3.
type Algorithm uint8

const (
	XXH3   Algorithm = iota // XXH3-128: 32 hex digits
	SHA256                  // 64 hex digits; for tables that an earlier agent has filled
)

// ParseAlgorithm parses "xxh3" or "sha256".
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

// New returns a hash.Hash, for contents that are not held in memory. Hex returns its result.
func (a Algorithm) New() hash.Hash {
	if a == SHA256 {
		return sha256.New()
	}
	return xxh3.New128()
}

// Hex returns the hash of all that was written to h, in the form of Sum.
func Hex(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// HashMatches reports whether a hash fits this content, or this content after a byte order mark. A hash whose length
// fits no algorithm cannot be compared, and HashMatches returns true.
func HashMatches(hash string, content []byte) bool {
	a, ok := algorithmOf(hash)
	return !ok || a.Sum(content) == hash || a.Sum(append([]byte("\xef\xbb\xbf"), content...)) == hash
}

// LooksLikeHash reports whether a text has the form of a hash of one of the algorithms.
func LooksLikeHash(text string) bool {
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
