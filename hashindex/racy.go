package hashindex

import "time"

const (
	// granularity is the coarsest step of modification times in any file system: FAT keeps them to two seconds.
	granularity = 2 * time.Second
	// settled is the age at which a modification time alone proves that nobody was writing the file. It allows for the
	// clock of a file server that is hours wrong.
	settled = 24 * time.Hour
)

// Racy reports whether a file may have changed after it was hashed without a change of its stamp (git calls this
// "racily clean"). The stamp was first seen at stampSeen, and reading began at hashedAt, both by the local clock. The
// modification time comes from the file server's clock, so it is only used for very old files.
func Racy(s Stamp, stampSeen, hashedAt time.Time) bool {
	if waited := hashedAt.Sub(stampSeen); waited >= granularity {
		return false
	}
	return hashedAt.Sub(time.Unix(0, s.ModTime)) < settled
}
