package hashindex_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

func TestSumOfKnownVectors(t *testing.T) {
	for _, tt := range []struct {
		name    string
		a       hashindex.Algorithm
		content string
		want    string
	}{
		// These are the values of the reference implementations: xxhsum -H2, and the examples of FIPS 180 for SHA-256.
		{"xxh3 of nothing", hashindex.XXH3, "", "99aa06d3014798d86001c324468d497f"},
		{"xxh3 of abc", hashindex.XXH3, "abc", "06b05ab6733a618578af5f94892f3950"},
		{"sha256 of nothing", hashindex.SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"sha256 of abc", hashindex.SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		if got := tt.a.Sum([]byte(tt.content)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestHashInPiecesIsTheSame(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef!"), 10_000)
	for _, a := range []hashindex.Algorithm{hashindex.XXH3, hashindex.SHA256} {
		for _, size := range []int{0, 1, 16, 17, 128, 129, 240, 241, 1024, len(content)} {
			h := a.New()
			for rest := content[:size]; len(rest) > 0; {
				n := min(len(rest), 1000)
				h.Write(rest[:n])
				rest = rest[n:]
			}
			if got, want := hashindex.Hex(h), a.Sum(content[:size]); got != want {
				t.Errorf("algorithm %d, %d bytes: %s in pieces, %s at once", a, size, got, want)
			}
		}
	}
}

func TestParseAlgorithm(t *testing.T) {
	for text, want := range map[string]hashindex.Algorithm{"xxh3": hashindex.XXH3, "sha256": hashindex.SHA256} {
		if got, err := hashindex.ParseAlgorithm(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "XXH3", "md5", "sha-256"} {
		if _, err := hashindex.ParseAlgorithm(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestRacy(t *testing.T) {
	now := noon
	for _, tt := range []struct {
		name                string
		mtime, seen, hashed time.Duration // before now
		want                bool
	}{
		{"hashed when its stamp was first seen, just written", 0, 0, 0, true},
		{"hashed a second after", 2 * time.Second, time.Second, 0, true},
		{"hashed two seconds after: the next write would show", 3 * time.Second, 2 * time.Second, 0, false},
		{"written an hour ago, by a clock that may be an hour away", time.Hour, 0, 0, true},
		{"written two days ago", 48 * time.Hour, 0, 0, false},
		{"written tomorrow", -24 * time.Hour, 0, 0, true},
		{"written tomorrow, but unchanged for two seconds", -24 * time.Hour, 2 * time.Second, 0, false},
		{"local clock set back between", 0, -time.Hour, 0, true},
	} {
		stamp := hashindex.Stamp{Size: 1, ModTime: now.Add(-tt.mtime).UnixNano()}
		if got := hashindex.Racy(stamp, now.Add(-tt.seen), now.Add(-tt.hashed)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
