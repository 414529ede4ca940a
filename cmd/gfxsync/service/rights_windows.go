package service

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Grant implements ServiceControl. A folder that is not there is made.
func (windowsControl) Grant(path, account string, write bool) error {
	entry := windows.EXPLICIT_ACCESS{AccessPermissions: windows.GENERIC_READ, AccessMode: windows.GRANT_ACCESS}
	if write {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
		entry.AccessPermissions |= windows.GENERIC_WRITE | windows.GENERIC_EXECUTE | windows.DELETE
		entry.Inheritance = windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT
	}
	return changeRights(path, account, entry)
}

// Revoke implements ServiceControl.
func (windowsControl) Revoke(path, account string) error {
	return changeRights(path, account, windows.EXPLICIT_ACCESS{AccessMode: windows.REVOKE_ACCESS})
}

// changeRights changes what an account may do with a file or a folder, and leaves the rights of others as they are.
func changeRights(path, account string, entry windows.EXPLICIT_ACCESS) error {
	sid, _, _, err := windows.LookupSID("", lookedUp(account))
	if err != nil {
		return err
	}
	entry.Trustee = windows.TRUSTEE{
		TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: windows.TRUSTEE_IS_UNKNOWN,
		TrusteeValue: windows.TrusteeValueFromSID(sid),
	}
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	before, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	after, err := windows.ACLFromEntries([]windows.EXPLICIT_ACCESS{entry}, before)
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION,
		nil, nil, after, nil)
}

// lookedUp returns the name of an account as LookupAccountName takes it, which does not know the dot for this machine.
func lookedUp(account string) string {
	const here = `.\`
	if len(account) > len(here) && account[:len(here)] == here {
		return account[len(here):]
	}
	return account
}

// What ntsecapi.h says of the policies of a machine.
var (
	advapi32            = windows.NewLazySystemDLL("advapi32.dll")
	lsaOpenPolicy       = advapi32.NewProc("LsaOpenPolicy")
	lsaAddAccountRights = advapi32.NewProc("LsaAddAccountRights")
	lsaClose            = advapi32.NewProc("LsaClose")
)

const (
	policyCreateAccount = 0x10
	policyLookupNames   = 0x800
)

// LetLogOn implements ServiceControl.
func (windowsControl) LetLogOn(account string) error {
	for _, proc := range []*windows.LazyProc{lsaOpenPolicy, lsaAddAccountRights, lsaClose} {
		if err := proc.Find(); err != nil {
			return err
		}
	}
	sid, _, _, err := windows.LookupSID("", lookedUp(account))
	if err != nil {
		return err
	}
	var attributes windows.OBJECT_ATTRIBUTES // must be zero
	var policy windows.Handle
	status, _, _ := lsaOpenPolicy.Call(0, uintptr(unsafe.Pointer(&attributes)), policyCreateAccount|policyLookupNames,
		uintptr(unsafe.Pointer(&policy)))
	if status != 0 {
		return windows.NTStatus(status)
	}
	defer lsaClose.Call(uintptr(policy))
	right, err := windows.NewNTUnicodeString("SeServiceLogonRight")
	if err != nil {
		return err
	}
	status, _, _ = lsaAddAccountRights.Call(uintptr(policy), uintptr(unsafe.Pointer(sid)),
		uintptr(unsafe.Pointer(right)), 1)
	if status != 0 {
		return windows.NTStatus(status)
	}
	return nil
}
