//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/reconcile/doctor/sharefault"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// These tests provoke the faults of shares with an smbd of their own, and mount its shares with smbnetfs. What the
// server answers stands in its log: the NT status that Windows and the kernel of Linux would be told too.

// faultConf shares folders with one account, whose files belong to another one if smbd may choose.
const faultConf = `[global]
	workgroup = GFXSYNC
	server role = standalone server
	server min protocol = SMB2
	map to guest = never
	%[5]s
	log level = 3
	interfaces = 127.0.0.1
	bind interfaces only = yes
	smb ports = %[4]d
	disable netbios = yes
	disable spoolss = yes
	load printers = no
	printcap name = /dev/null
	rpc start on demand helpers = no
	private dir = %[1]s/private
	lock directory = %[1]s/lock
	state directory = %[1]s/state
	cache directory = %[1]s/cache
	pid directory = %[1]s/pid
	ncalrpc dir = %[1]s/ncalrpc
	log file = %[1]s/log
[gfx]
	path = %[2]s
	%[3]s
[shut]
	path = %[2]s/shut
	%[3]s
[others]
	path = %[2]s
	valid users = nobody
`

const faultPassword = "Royal-Flush-9"

// faultyShare is an smbd with one account, and what a client says to it.
type faultyShare struct {
	t       *testing.T
	server  *smbServer
	dir     string // of all that the server keeps
	share   string
	account string
	mounted *fuse
}

// newFaultyShare starts a server. The settings are of its section [global].
func newFaultyShare(t *testing.T, settings string) *faultyShare {
	t.Helper()
	smbd := needProgram(t, "smbd", "samba")
	account, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := smbdDir(t)
	mode(t, dir, 0o755)
	f := &faultyShare{t: t, dir: dir, share: filepath.Join(dir, "share"), account: account.Username}
	makeDirs(t, filepath.Join(f.share, "shut"))
	writeFile(t, filepath.Join(f.share, "a.json"), []byte("{}"))
	mode(t, filepath.Join(f.share, "a.json"), 0o644)
	mode(t, filepath.Join(f.share, "shut"), 0o311)
	as := ""
	if os.Getuid() == 0 { // for whom no right is missing
		as = "force user = nobody"
	}
	port := freePort(t)
	config := filepath.Join(dir, "smb.conf")
	writeFile(t, config, fmt.Appendf(nil, faultConf, dir, f.share, as, port, settings))
	f.server = &smbServer{t: t, program: smbd, config: config, address: fmt.Sprintf("127.0.0.1:%d", port)}
	f.passdb("-u", f.account, "-a", "-t")
	f.server.up()
	return f
}

// passdb changes the account.
func (f *faultyShare) passdb(args ...string) {
	f.t.Helper()
	cmd := exec.Command(needProgram(f.t, "pdbedit", "samba"), slices.Concat([]string{"-s", f.server.config}, args)...)
	cmd.Stdin = strings.NewReader(faultPassword + "\n" + faultPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("pdbedit %q: %v\n%s", args, err, out)
	}
}

// mount mounts the shares, and returns where.
func (f *faultyShare) mount(account, password, clientSettings string) string {
	f.t.Helper()
	smbnetfs := needProgram(f.t, "smbnetfs", "smbnetfs")
	point, home := filepath.Join(f.dir, "mounted"), filepath.Join(f.dir, "home")
	makeDirs(f.t, point, home)
	config, passwords := filepath.Join(home, ".smb", "smbnetfs.conf"), filepath.Join(home, ".smb", "smbnetfs.auth")
	client := []byte("[global]\nclient min protocol = SMB2\n" + clientSettings)
	writeFile(f.t, filepath.Join(home, ".smb", "smb.conf"), client)
	writeFile(f.t, config, []byte(smbnetfsConf+"include \"smbnetfs.auth\"\n"))
	writeFile(f.t, passwords, fmt.Appendf(nil, "auth %q %q\n", account, password))
	mode(f.t, config, 0o600)
	mode(f.t, passwords, 0o600)
	f.mounted = &fuse{
		t: f.t, dir: point, env: []string{"HOME=" + home},
		command: []string{smbnetfs, point, "-f", "-o", "config=" + config + "," + fuseOptions},
	}
	f.mounted.mount()
	return filepath.Join(point, f.server.address)
}

func (f *faultyShare) untilListed(dir string) {
	f.t.Helper()
	watch := hangWatch{mount: f.mounted, dir: dir, server: f.server.isUp}
	watch.untilListed()
}

var answered = regexp.MustCompile(`status\[NT_(STATUS_[A-Z0-9_]+)\]`)

// answers returns the NT statuses with which the server has refused something, in their order.
func (f *faultyShare) answers() (statuses []string) {
	for _, match := range answered.FindAllStringSubmatch(f.server.process.output.String(), -1) {
		statuses = append(statuses, match[1])
	}
	return statuses
}

// examine returns what the check says of a folder, after the server has answered with the status.
func (f *faultyShare) examine(dir, status string) store.Finding {
	f.t.Helper()
	var found store.Finding
	eventually(f.t, "smbd answers with "+status, func() bool {
		pattern, err := watch.ParsePattern("*.json")
		if err != nil {
			f.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
		defer cancel()
		setup := doctor.Setup{
			Roots: []hashindex.Root{{Dir: dir}}, Pattern: pattern, QueueDB: filepath.Join(f.dir, "state", "pending.db"),
		}
		found = doctor.Check(ctx, setup)[0]
		if strings.Contains(found.Text, "does not answer") { // see hangWatch
			f.mounted.process.kill(f.t)
			f.mounted.unmount()
			f.mounted.mount()
		}
		return status == "" || slices.Contains(f.answers(), status)
	})
	return found
}

// shareFaultCase is one fault, and what is said of it.
type shareFaultCase struct {
	server, client string             // settings
	spoil          func(*faultyShare) // may be nil
	user, password string             // other than the right ones; "-": none
	share          string             // other than gfx
	status         string             // that the server answers with
	means          string             // what the status is explained by
	says           []string           // what the check says
}

// refused is what Linux makes of most faults (EACCES).
const refused = "the file server refuses the account"

var shareFaultCases = map[string]shareFaultCase{
	"wrong password": {
		password: "Straight-Flush-8", status: "STATUS_LOGON_FAILURE", means: "user name or the password",
		says: []string{refused, "its password has changed, perhaps"},
	},
	"unknown user": {
		user: "nosuchuser", status: "STATUS_LOGON_FAILURE", means: "user name or the password", says: []string{refused},
	},
	"guest": {user: "nobody", password: "-", status: "STATUS_ACCESS_DENIED", means: refused, says: []string{refused}},
	"account disabled": {
		spoil:  func(f *faultyShare) { f.passdb("-u", f.account, "-r", "-c", "[D]") },
		status: "STATUS_ACCOUNT_DISABLED", means: "the account is disabled", says: []string{refused},
	},
	"account locked": {
		spoil:  func(f *faultyShare) { f.passdb("-u", f.account, "-r", "-c", "[L]") },
		status: "STATUS_ACCOUNT_LOCKED_OUT", means: "the account is locked", says: []string{refused},
	},
	"account expired": {
		spoil:  func(f *faultyShare) { f.passdb("-u", f.account, "-r", "-K", "1") },
		status: "STATUS_ACCOUNT_EXPIRED", means: "has expired", says: []string{refused},
	},
	"password expired": {
		spoil:  (*faultyShare).letPasswordExpire,
		status: "STATUS_PASSWORD_EXPIRED", means: "the password of the account has expired", says: []string{refused},
	},
	"no such share": {
		share: "gxf", status: "STATUS_BAD_NETWORK_NAME", means: "no share of this name",
		says: []string{"no such share, or no such folder", "compare both names"},
	},
	"no right to the share": {
		share: "others", status: "STATUS_ACCESS_DENIED", means: refused, says: []string{refused, "rights of the share"},
	},
	"no right to list": {
		share: "shut", status: "STATUS_ACCESS_DENIED", means: refused, says: []string{refused, "right to list"},
	},
	"no version in common": { // smbnetfs does not pass on which error it is
		server: "server min protocol = SMB3", client: "client max protocol = SMB2", status: "STATUS_NOT_SUPPORTED",
		means: "no version of the SMB protocol in common", says: []string{"the share answers with an error"},
	},
	"encryption that the client has not": {
		server: "server smb encrypt = required", client: "client max protocol = SMB2", status: "STATUS_ACCESS_DENIED",
		means: refused, says: []string{refused},
	},
}

func TestFaultsOfAShare(t *testing.T) {
	t.Parallel()
	for name, tc := range shareFaultCases {
		t.Run(name, func(t *testing.T) {
			f := newFaultyShare(t, tc.server)
			if tc.spoil != nil {
				tc.spoil(f)
			}
			password := cmp.Or(tc.password, faultPassword)
			if password == "-" {
				password = ""
			}
			dir := filepath.Join(f.mount(cmp.Or(tc.user, f.account), password, tc.client), cmp.Or(tc.share, "gfx"))
			found := f.examine(dir, tc.status)
			fault, ok := sharefault.ByStatus(tc.status)
			if !ok || !strings.Contains(fault.Text, tc.means) {
				t.Errorf("%s is explained by %q", tc.status, fault.Text)
			}
			wantFault(t, found, append(tc.says, dir+" cannot be read")...)
			t.Logf("smbd: %q; check: %s → %s", f.answers(), found.Text, found.Hint)
		})
	}
}

// letPasswordExpire waits until the password is older than it may be.
func (f *faultyShare) letPasswordExpire() {
	f.t.Helper()
	set := time.Now()
	f.passdb("-P", "maximum password age", "-C", "1")
	eventually(f.t, "the password is two seconds old", func() bool { return time.Since(set) > 2*time.Second })
}

// wantFault checks a finding about the watch path.
func wantFault(t *testing.T, f store.Finding, says ...string) {
	t.Helper()
	if f.Part != "watch" || f.Verdict != store.Fail {
		t.Errorf("the check says %+v", f)
	}
	for _, s := range says {
		if !strings.Contains(f.Text+" → "+f.Hint, s) {
			t.Errorf("%s → %s\ndoes not say %q", f.Text, f.Hint, s)
		}
	}
}

// TestAClientToldNotToSignSignsAllTheSame: in SMB 2 and 3, signing cannot be switched off, and a server that wants it
// turns no account with a password away.
func TestAClientToldNotToSignSignsAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFaultyShare(t, "server signing = mandatory")
	const unsigned = "client signing = disabled\nclient ipc signing = disabled\n"
	dir := filepath.Join(f.mount(f.account, faultPassword, unsigned), "gfx")
	f.untilListed(dir)
	eventually(t, "the share can be read", func() bool {
		content, err := os.ReadFile(filepath.Join(dir, "a.json"))
		return err == nil && bytes.Equal(content, []byte("{}"))
	})
}

// TestAShareOfWhichAFileMayNotBeRead and what becomes of the share when its server goes.
func TestAShareOfWhichAFileMayNotBeRead(t *testing.T) {
	t.Parallel()
	f := newFaultyShare(t, "")
	dir := filepath.Join(f.mount(f.account, faultPassword, ""), "gfx")
	f.untilListed(dir)
	mode(t, filepath.Join(f.share, "shut"), 0o755)
	if found := f.examine(dir, ""); found.Verdict != store.OK || !strings.Contains(found.Text, "1 file in 2 folders") {
		t.Errorf("of a share that can be read, the check says %+v", found)
	}
	mode(t, filepath.Join(f.share, "a.json"), 0o200)
	found := f.examine(dir, "STATUS_ACCESS_DENIED")
	wantFault(t, found, "1 file in", "a file is listed and cannot be read", "a.json", "right to list and to read")
	t.Logf("a file that may not be read: %s → %s", found.Text, found.Hint)

	f.server.down()
	eventually(t, "the mount fails", func() bool {
		_, err := os.ReadDir(dir)
		return err != nil && !errors.Is(err, fs.ErrPermission)
	})
	found = f.examine(dir, "")
	wantFault(t, found, dir+" cannot be read")
	if !strings.Contains(found.Text, "file server") && !strings.Contains(found.Text, "share") {
		t.Errorf("that the server is gone is not explained: %s", found.Text)
	}
	t.Logf("a server that is gone: %s → %s", found.Text, found.Hint)
}
