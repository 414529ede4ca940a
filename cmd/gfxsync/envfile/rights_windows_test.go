package envfile

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// setRights gives a file these rights (Security Descriptor Definition Language), and nothing from its folder.
func setRights(t *testing.T, path, sddl string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		t.Fatal(err)
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil); err != nil {
		t.Fatal(err)
	}
}

// grantedBy names the accounts to which a security descriptor grants something.
func grantedBy(t *testing.T, sd *windows.SECURITY_DESCRIPTOR) (names []string) {
	t.Helper()
	dacl, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	list, err := readList(dacl)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		names = append(names, r.sid.String())
	}
	return names
}

// The rights are compared before Windows has them: Wine keeps of them what a mode can say.
func TestAWrittenFileIsForFewAccounts(t *testing.T) {
	f, err := read(t, "A=1\r\n")
	if err != nil {
		t.Fatal(err)
	}
	const service = "S-1-5-80-1-2-3-4-5"
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]*rights{
		"new":  {},
		"open": {granted: []right{{sid(t, "S-1-1-0"), windows.GENERIC_ALL}, {sid(t, "S-1-5-32-545"), windows.GENERIC_READ}}},
		"of a service": {granted: []right{
			{sid(t, service), windows.GENERIC_READ}, {sid(t, "S-1-5-11"), windows.GENERIC_READ},
		}},
	} {
		sd, err := descriptorLike(old)
		if err != nil {
			t.Fatal(err)
		}
		got := grantedBy(t, sd)
		for _, needed := range []string{user.User.Sid.String(), "S-1-5-18", "S-1-5-32-544"} {
			if !slices.Contains(got, needed) {
				t.Errorf("%s: %s is not among %v", name, needed, got)
			}
		}
		if slices.Contains(got, service) != (name == "of a service") {
			t.Errorf("%s: it is for %v", name, got)
		}
		for _, many := range []string{"S-1-1-0", "S-1-5-32-545", "S-1-5-11"} {
			if slices.Contains(got, many) {
				t.Errorf("%s: it is for %s", name, many)
			}
		}
		if control, _, err := sd.Control(); err != nil || control&windows.SE_DACL_PROTECTED == 0 {
			t.Errorf("%s: the folder's rights come in (%v)", name, err)
		}
	}
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	if who, err := OpenTo(f.Path); who != "" || err != nil {
		t.Errorf("it is open to %s (%v)", who, err)
	}
}

func sid(t *testing.T, text string) *windows.SID {
	t.Helper()
	s, err := windows.StringToSid(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFileThatIsOpenToMany(t *testing.T) {
	f, err := read(t, "A=1\r\n")
	if err != nil {
		t.Fatal(err)
	}
	setRights(t, f.Path, "D:P(A;;FR;;;WD)(A;;FA;;;BA)")
	if who, err := OpenTo(f.Path); who != "all members of Everyone" || err != nil {
		t.Errorf("it is open to %q (%v)", who, err)
	}
	for many, name := range map[string]string{
		"S-1-1-0": "Everyone", "S-1-5-11": "Authenticated Users", "S-1-5-32-545": "Users", "S-1-5-4": "INTERACTIVE",
		"S-1-5-18": "", "S-1-5-32-544": "", "S-1-5-80-1-2-3-4-5": "",
	} {
		if got := groupOfMany(sid(t, many)); got != name {
			t.Errorf("%s is %q, want %q", many, got, name)
		}
	}
}

func TestASealedValueDoesNotShow(t *testing.T) {
	const key = "sb_secret_0123456789"
	sealed, err := Seal(key)
	if err != nil || !strings.HasPrefix(sealed, sealedPrefix) || strings.Contains(sealed, "secret") || len(sealed) < 2*len(key) {
		t.Errorf("it is %s (%v)", sealed, err)
	}
}
