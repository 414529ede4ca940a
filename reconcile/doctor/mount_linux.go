package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// mountsFile lists what is mounted (proc(5), /proc/pid/mountinfo). To read it asks no file system, so it never hangs.
const mountsFile = "/proc/self/mountinfo"

// mountPoint is one mounted file system.
type mountPoint struct {
	dir     string
	kind    string // such as cifs, nfs4 or fuse.sshfs
	source  string // such as //NAS/gfx
	options map[string]string
}

// cacheOption is an option of a mount that says for how long sizes, times or listings are taken for unchanged.
type cacheOption struct {
	name   string
	preset time.Duration // what holds if the option is not listed; 0: unknown
}

// cacheOptions has the options of each family of file systems. Of NFS, only what differs from the defaults is listed
// (nfs(5)).
var cacheOptions = map[string][]cacheOption{
	"cifs": {{name: "actimeo"}, {name: "acregmax"}, {name: "acdirmax"}},
	"nfs":  {{"acregmax", time.Minute}, {"acdirmax", time.Minute}},
	"fuse": {{name: "attr_timeout"}, {name: "entry_timeout"}},
}

// family returns the name that cacheOptions has for a kind of file system.
func (m mountPoint) family() string {
	kind, _, _ := strings.Cut(m.kind, ".")
	switch kind {
	case "smb3":
		return "cifs"
	case "nfs4":
		return "nfs"
	}
	return kind
}

// isRemote says whether other machines may write to the file system, as far as its kind tells.
func (m mountPoint) isRemote() bool {
	switch m.family() {
	case "cifs", "nfs", "fuse", "smbfs", "ceph", "afs", "9p":
		return true
	}
	return false
}

// remembers returns for how long sizes, times and listings may be taken for unchanged, and the option that says so.
// Known is false if the mount does not tell.
func (m mountPoint) remembers() (late time.Duration, option string, known bool) {
	if _, ok := m.options["noac"]; ok && m.family() == "nfs" {
		return 0, "noac", true
	}
	for _, o := range cacheOptions[m.family()] {
		value := o.preset
		seconds, err := strconv.ParseFloat(m.options[o.name], 64)
		if err == nil {
			value = time.Duration(seconds * float64(time.Second))
		} else if value == 0 {
			continue
		}
		if !known || value > late {
			late, option, known = value, o.name, true
		}
	}
	return late, option, known
}

// mount says how late a save may be seen because the system remembers sizes and times of files.
func mount(dir string, s Setup) []store.Finding {
	m, ok := mountOf(dir)
	if !ok {
		return nil
	}
	return m.findings(s.HotScans.WithDefaults().Interval)
}

// findings compares that time with the time between two hot scans.
func (m mountPoint) findings(hot time.Duration) []store.Finding {
	late, option, known := m.remembers()
	if !known {
		return nil
	}
	f := store.Finding{
		Part: "mount", Verdict: store.OK,
		Text: fmt.Sprintf("%s is mounted from %s by %s; sizes and times of files are remembered for up to %v (%s)",
			m.dir, m.source, m.kind, late, option),
	}
	if late > max(hot, time.Second) {
		f.Verdict = store.Warn
		f.Text += ": a save may be seen that late"
		f.Hint = "add actimeo=1 to the options of the mount, in /etc/fstab for example, and mount it again"
		if m.family() == "fuse" {
			f.Hint = "mount it again with " + option + "=1"
		}
	}
	return []store.Finding{f}
}

// isOnShare says whether a directory is on a network share, or may be. It may hang as long as the file system does.
func isOnShare(dir string) bool {
	if nameSaysShare(dir) {
		return true
	}
	real, err := filepath.EvalSymlinks(dir)
	return err == nil && nameSaysShare(real)
}

// nameSaysShare is isOnShare by the name alone: it asks no file system, and follows no symbolic link.
func nameSaysShare(dir string) bool {
	m, ok := mountOf(dir)
	return ok && m.isRemote()
}

// mountOf returns what is mounted where dir is.
func mountOf(dir string) (mountPoint, bool) {
	text, err := os.ReadFile(mountsFile)
	if err != nil {
		return mountPoint{}, false
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return mountIn(string(text), dir)
}

// mountIn returns the mount that dir is in: the one with the longest name, and of several in one place the last.
func mountIn(mountinfo, dir string) (found mountPoint, ok bool) {
	for line := range strings.Lines(mountinfo) {
		m, valid := parseMount(line)
		rest, within := strings.CutPrefix(dir, strings.TrimSuffix(m.dir, "/"))
		if valid && within && (rest == "" || rest[0] == '/') && len(m.dir) >= len(found.dir) {
			found, ok = m, true
		}
	}
	return found, ok
}

// parseMount parses a line of mountinfo: ID, parent, device, root, mount point, options, optional fields, a hyphen,
// kind, source, options of the file system.
func parseMount(line string) (mountPoint, bool) {
	before, after, ok := strings.Cut(line, " - ")
	first, last := strings.Fields(before), strings.Fields(after)
	if !ok || len(first) < 6 || len(last) < 3 {
		return mountPoint{}, false
	}
	m := mountPoint{dir: unescape(first[4]), kind: last[0], source: unescape(last[1]), options: map[string]string{}}
	for option := range strings.SplitSeq(first[5]+","+last[2], ",") {
		name, value, _ := strings.Cut(option, "=")
		m.options[name] = value
	}
	return m, true
}

// unescape undoes what mountinfo makes of the characters that part its fields and lines.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace
