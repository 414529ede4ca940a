package envfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

const systemLineEnd = "\r\n"

// createLike makes a file beside a path. It is for this account, SYSTEM and Administrators, and for the owner of the
// file at the path and those whom its rights name one by one, as the account of a service. What the folder grants to
// all users does not count.
func createLike(path string) (*os.File, error) {
	old, err := rightsOf(path)
	if errors.Is(err, fs.ErrNotExist) {
		old = &rights{}
	} else if err != nil {
		return nil, err
	}
	sd, err := descriptorLike(old)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(filepath.Dir(path), strings.Replace(temporaryName, "*", rand.Text(), 1))
	name16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	handle, err := windows.CreateFile(name16, windows.GENERIC_WRITE, 0, attributes, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return os.NewFile(uintptr(handle), name), nil
}

// descriptorLike returns the rights of a new file that takes the place of a file with old rights.
func descriptorLike(old *rights) (*windows.SECURITY_DESCRIPTOR, error) {
	accounts, err := accountsOfNew()
	if err != nil {
		return nil, err
	}
	if old.owner != nil {
		accounts = append(accounts, old.owner)
	}
	var entries []windows.EXPLICIT_ACCESS
	for _, r := range old.granted {
		if groupOfMany(r.sid) == "" {
			entries = append(entries, grant(r.sid, r.mask))
		}
	}
	for _, sid := range accounts {
		entries = append(entries, grant(sid, windows.GENERIC_ALL))
	}
	acl, err := windows.ACLFromEntries(entries, nil)
	runtime.KeepAlive(accounts) // the entries hold the addresses of accounts as numbers
	runtime.KeepAlive(old)
	if err != nil {
		return nil, fmt.Errorf("make the rights of the file: %w", err)
	}
	sd, err := windows.NewSecurityDescriptor()
	if err != nil {
		return nil, err
	}
	if err := sd.SetDACL(acl, true, false); err != nil {
		return nil, err
	}
	return sd, sd.SetControl(windows.SE_DACL_PROTECTED, windows.SE_DACL_PROTECTED)
}

// accountsOfNew returns whom a new file is for.
func accountsOfNew() ([]*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find this account: %w", err)
	}
	accounts := []*windows.SID{user.User.Sid}
	others := []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid}
	for _, known := range others {
		sid, err := windows.CreateWellKnownSid(known)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, sid)
	}
	return accounts, nil
}

func grant(sid *windows.SID, mask windows.ACCESS_MASK) windows.EXPLICIT_ACCESS {
	return windows.EXPLICIT_ACCESS{
		AccessPermissions: mask, AccessMode: windows.GRANT_ACCESS, Inheritance: windows.NO_INHERITANCE,
		Trustee: windows.TRUSTEE{
			TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN,
			TrusteeValue: windows.TrusteeValueFromSID(sid),
		},
	}
}

// syncFolder does nothing: NTFS writes names to its journal.
func syncFolder(string) error { return nil }
