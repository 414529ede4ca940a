package envfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	keyName   = "GFX_SYNC_SUPABASE_SERVICE_KEY"
	otherName = "GFX_SYNC_SUPABASE_KEY"
)

func TestSetReplacesAllLinesOfAName(t *testing.T) {
	end := systemLineEnd
	for _, c := range []struct{ was, want string }{
		{"", keyName + "=new" + end},
		{keyName + "=old\n", keyName + "=new\n"},
		{"# settings\r\n" + keyName + "=old # the key\r\n\r\nA=1\r\n", "# settings\r\n" + keyName + "=new\r\n\r\nA=1\r\n"},
		{"A=1\nB='x y' # b", "A=1\nB='x y' # b\n" + keyName + "=new\n"},
		{byteOrderMark + "A=1\n", byteOrderMark + "A=1\n" + keyName + "=new\n"},
		{"A=1\n" + otherName + "=old\nB=2\nexport " + keyName + "=older\nC=3\n", "A=1\n" + keyName + "=new\nB=2\nC=3\n"},
		{keyName + "=1\n" + keyName + "=2\n#" + keyName + "=3\n", keyName + "=new\n#" + keyName + "=3\n"},
	} {
		f, err := read(t, c.was)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Set(keyName, "new", otherName); err != nil {
			t.Fatal(err)
		}
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("from %q it became %q, want %q", c.was, got, c.want)
		}
		checkAlone(t, f.Path)
	}
}

// checkAlone checks that nothing else was left in the folder of a file.
func checkAlone(t *testing.T, path string) {
	t.Helper()
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Errorf("in the folder there is %v (%v)", names, err)
	}
}

func TestWhatIsSetIsReadAsItIs(t *testing.T) {
	for _, value := range []string{
		"", "x", `C:\GFX #1\output`, `"quoted"`, "'quoted'", "it's", " blank ", "${HOME}", "%APPDATA%", "# no comment", "a # b",
		"dpapi:AQAA+/8=", "0 5 * * *", `\\nas\gfx$`, "한글",
	} {
		f := New(filepath.Join(t.TempDir(), "new", "gfxsync.env"))
		if err := f.Set("NAME", value); err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		again, err := Read(f.Path)
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		if got, _ := again.Lookup("NAME"); got != value {
			t.Errorf("%q was read as %q", value, got)
		}
		if who, err := OpenTo(f.Path); who != "" || err != nil {
			t.Errorf("a new file is open to %s (%v)", who, err)
		}
	}
	for _, value := range []string{"a\nb", "a\rb", `both " and ' `, "\xff", "a\x00"} {
		if err := New("x").Set("NAME", value); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// A file that cannot be replaced stays as it is.
func TestAFileThatCannotBeReplacedStays(t *testing.T) {
	f, err := read(t, "A=1\n")
	if err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(t.TempDir(), "gfxsync.env")
	if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.Path = blocked // a folder, onto which no file can be renamed
	if err := f.Set("A", "2"); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(); err == nil {
		t.Error("it was written over a folder")
	}
	checkAlone(t, blocked)
}

func TestASealedValueIsReadHereOrRefused(t *testing.T) {
	const key = "sb_secret_0123456789"
	sealed, err := Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unseal(sealed); got != key || err != nil {
		t.Errorf("it is %q (%v)", got, err)
	}
	if got, err := Unseal(key); got != key || err != nil {
		t.Errorf("a value that is not sealed is %q (%v)", got, err)
	}
	for _, wrong := range []string{"dpapi:", "dpapi:AQAA", "dpapi:no base64", "dpapi:" + strings.Repeat("AQAA", 50)} {
		if got, err := Unseal(wrong); err == nil || !strings.Contains(err.Error(), "gfxsync key set") {
			t.Errorf("%s is %q (%v)", wrong, got, err)
		}
	}
}
