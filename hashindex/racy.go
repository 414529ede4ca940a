package hashindex

import "time"

const (
	// granularity is the coarsest step in which a file system keeps modification times: FAT's two seconds.
	granularity = 2 * time.Second
	// settled is an age at which a modification time says that the file was not being written when it was hashed, even if the
	// clock of the file server is hours away from ours.
	settled = 24 * time.Hour
)

// Racy says whether a file with this stamp, which was first seen at stampSeen and whose bytes were read from hashedAt on, may
// have changed since without a trace in the stamp (git's "racily clean" problem). It compares local times with local times: the
// clock that writes modification times is the file server's.
func Racy(s Stamp, stampSeen, hashedAt time.Time) bool {
	if waited := hashedAt.Sub(stampSeen); waited >= granularity {
		return false
	}
	return hashedAt.Sub(time.Unix(0, s.ModTime)) < settled
}
