// Package sharefault says in a sentence why a network share cannot be used, and what to do.
//
// A server names a fault by an NT status (MS-ERREF 2.3). A program sees what its system makes of the status: on Linux
// an error number (fs/smb/client/smb2maperror.c), on Windows another one (MS-ERREF 2.2). No remedy weakens the
// protection of the share.
package sharefault

import "slices"

// Fault is one cause, with all names that servers and systems have for it.
type Fault struct {
	Statuses []string // of SMB servers
	Errnos   []string // of Linux and macOS
	Windows  []uint32 // error numbers of Windows
	Text     string   // what happened
	Remedy   string   // what to do
}

// ByStatus returns the fault that an SMB server names by a status, such as STATUS_LOGON_FAILURE.
func ByStatus(name string) (Fault, bool) {
	return first(func(f Fault) bool { return slices.Contains(f.Statuses, name) })
}

// byErrno returns the fault behind an error number of Linux or macOS, such as EHOSTDOWN.
func byErrno(name string) (Fault, bool) {
	return first(func(f Fault) bool { return slices.Contains(f.Errnos, name) })
}

// byWindows returns the fault behind an error number of Windows.
func byWindows(number uint32) (Fault, bool) {
	return first(func(f Fault) bool { return slices.Contains(f.Windows, number) })
}

func first(is func(Fault) bool) (Fault, bool) {
	if i := slices.IndexFunc(faults, is); i >= 0 {
		return faults[i], true
	}
	return Fault{}, false
}
