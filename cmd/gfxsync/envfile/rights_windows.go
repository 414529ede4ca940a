package envfile

import (
	"errors"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/windows"
)

// rights are what a file grants to whom.
type rights struct {
	owner   *windows.SID
	granted []right
	toAll   bool // there is no list of rights, and so everybody has every right
}

type right struct {
	sid  *windows.SID
	mask windows.ACCESS_MASK
}

// rightsOf reads the rights of a file.
func rightsOf(path string) (*rights, error) {
	r, err := readRights(path)
	if err != nil {
		return nil, &fs.PathError{Op: "read the rights of", Path: path, Err: err}
	}
	return r, nil
}

func readRights(path string) (*rights, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, err
	}
	r := &rights{}
	if r.owner, _, err = sd.Owner(); err != nil {
		return nil, err
	}
	dacl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && dacl == nil {
		r.toAll = true
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.granted, err = readList(dacl)
	return r, err
}

// readList reads what a list of rights grants now. What only what is below a folder inherits does not count.
func readList(dacl *windows.ACL) (granted []right, err error) {
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return nil, err
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid, err := (*windows.SID)(unsafe.Pointer(&ace.SidStart)).Copy()
		if err != nil {
			return nil, err
		}
		granted = append(granted, right{sid, ace.Mask})
	}
	return granted, nil
}

// groupsOfMany are the groups that whoever uses the PC belongs to.
var groupsOfMany = map[windows.WELL_KNOWN_SID_TYPE]string{
	windows.WinWorldSid:              "Everyone",
	windows.WinAuthenticatedUserSid:  "Authenticated Users",
	windows.WinBuiltinUsersSid:       "Users",
	windows.WinInteractiveSid:        "INTERACTIVE",
	windows.WinNetworkSid:            "NETWORK",
	windows.WinBuiltinGuestsSid:      "Guests",
	windows.WinAnonymousSid:          "ANONYMOUS LOGON",
	windows.WinAccountDomainUsersSid: "Domain Users",
	windows.WinBuiltinAnyPackageSid:  "all apps",
}

// groupOfMany returns the name of such a group, or nothing.
func groupOfMany(sid *windows.SID) string {
	for known, name := range groupsOfMany {
		if sid.IsWellKnown(known) {
			return name
		}
	}
	return ""
}

// OpenTo says who but its owner is let in by a file's rights. It returns nothing if nobody is, or only accounts that
// the rights name one by one.
func OpenTo(path string) (string, error) {
	r, err := rightsOf(path)
	if err != nil {
		return "", err
	}
	if r.toAll {
		return "everybody", nil
	}
	const reading = windows.FILE_READ_DATA | windows.GENERIC_READ | windows.GENERIC_ALL
	for _, granted := range r.granted {
		if name := groupOfMany(granted.sid); name != "" && granted.mask&reading != 0 {
			return "all members of " + name, nil
		}
	}
	return "", nil
}
