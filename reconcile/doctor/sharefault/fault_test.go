package sharefault

import (
	"slices"
	"strings"
	"testing"
)

// TestEachNameHasOneFault: a name with two would be explained by the first.
func TestEachNameHasOneFault(t *testing.T) {
	names := map[any]int{}
	for i, f := range faults {
		if f.Text == "" || f.Remedy == "" || len(f.Statuses) == 0 {
			t.Errorf("fault %d, %q, is not complete", i, f.Text)
		}
		for _, status := range f.Statuses {
			names[status]++
		}
		for _, errno := range f.Errnos {
			names[errno]++
		}
		for _, number := range f.Windows {
			names[number]++
		}
	}
	for name, n := range names {
		if n > 1 {
			t.Errorf("%v is in %d faults", name, n)
		}
	}
}

// TestNoRemedyWeakensTheProtection: what gets the pictures on air today must not open the file server for tomorrow.
func TestNoRemedyWeakensTheProtection(t *testing.T) {
	for _, f := range faults {
		for _, never := range []string{
			"off", "disable", "SMB1", "SMB 1", "NT1", "vers=1", "insecure", "unsecure", "sec=none", "everyone", "777",
			"AllowInsecureGuestAuth", "RequireSecuritySignature", "firewall off", "allow guest", "enable guest",
		} {
			if containsWord(f.Remedy, never) {
				t.Errorf("the remedy of %q says %q: %s", f.Text, never, f.Remedy)
			}
		}
	}
}

func containsWord(text, word string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return strings.ContainsRune(" ,;:.()", c) })
	return slices.Contains(words, strings.ToLower(word)) ||
		strings.Contains(word, " ") && strings.Contains(strings.ToLower(text), strings.ToLower(word))
}

func TestFaultsByTheNamesThatSystemsGiveThem(t *testing.T) {
	windows := func(number uint32) func() (Fault, bool) { return func() (Fault, bool) { return byWindows(number) } }
	errno := func(name string) func() (Fault, bool) { return func() (Fault, bool) { return byErrno(name) } }
	status := func(name string) func() (Fault, bool) { return func() (Fault, bool) { return ByStatus(name) } }
	for says, names := range map[string][]func() (Fault, bool){
		"cannot be reached": {
			windows(53), windows(121), errno("EHOSTDOWN"), errno("EHOSTUNREACH"), errno("ENETUNREACH"), errno("ETIMEDOUT"),
		},
		"shares no folders now":               {windows(1225), errno("ECONNREFUSED")},
		"connection to the share was lost":    {windows(64), errno("ENOTCONN"), errno("ESTALE")},
		"no share of this name":               {windows(67), status("STATUS_BAD_NETWORK_NAME")},
		"no such folder in it":                {windows(3), errno("ENOENT")},
		"user name or the password":           {windows(1326), windows(86), windows(2202), status("STATUS_LOGON_FAILURE")},
		"expired":                             {windows(1330), errno("EKEYEXPIRED")},
		"disabled":                            {windows(1331), errno("EKEYREVOKED")},
		"locked":                              {windows(1909)},
		"has no password":                     {windows(1327)},
		"as a guest":                          {windows(1272)},
		"under another user name":             {windows(1219)},
		"SMB signing":                         {windows(1240)},
		"no version of the SMB protocol":      {windows(384), status("STATUS_NOT_SUPPORTED")},
		"the file server refuses the account": {windows(5), errno("EACCES"), errno("EPERM")},
		"answers with an error":               {errno("EIO"), errno("ENODEV")},
	} {
		for i, find := range names {
			if f, ok := find(); !ok || !strings.Contains(f.Text, says) {
				t.Errorf("name %d of %q is explained by %q", i, says, f.Text)
			}
		}
	}
	if f, ok := byWindows(112); ok {
		t.Errorf("a full disk is explained by %q", f.Text)
	}
}
