package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPathsThatWindowsCannotHave(t *testing.T) {
	for _, path := range []string{
		`C:\GFX\output`, `C:\GFX\output\`, "C:/GFX/output", "c:output", `\\NAS\gfx`, "//NAS/gfx", `\\?\C:\GFX`, `\\?\UNC\NAS\gfx`, "//?/C:/GFX", "output", ".",
		`C:\방송 output\a&b (1) [2] 'x' %TEMP% !^~;,=+@#$.json`, "C:\\GFX\\\u201coutput\u201d",
	} {
		if !mayBeWindowsPath(path) {
			t.Errorf("%s is refused", path)
		}
	}
	for _, path := range []string{
		`C:\GFX\output"`, `"C:\GFX\output"`, `C:\GFX" --json`, `C:\GFX\*`, "C:/GFX/?", `\\?\C:\GFX\?`, `C:\GFX\<output>`, "C:/GFX|more", "C:\\GFX\noutput", "C:/GFX\t", `?`,
	} {
		if mayBeWindowsPath(path) {
			t.Errorf("%q is taken", path)
		}
	}
}

func TestOneFileCannotServeTwoPurposes(t *testing.T) {
	dir := t.TempDir()
	existing, linked := filepath.Join(dir, "existing.db"), filepath.Join(dir, "linked.db")
	if err := os.WriteFile(existing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(existing, linked); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent.db")
	onWindows := runtime.GOOS == "windows"
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{absent, absent, true},
		{absent, filepath.Join(dir, "new folder") + "/../absent.db", true},
		{absent, filepath.Join(dir, "absent2.db"), false},
		{absent, existing, false},
		{existing, existing, true},
		{existing, linked, true},
		{absent, filepath.Join(dir, "ABSENT.db"), onWindows},
		{filepath.Join(dir, "new", "a.db"), filepath.Join(dir, "New", "A.DB"), onWindows},
		{existing, filepath.Join(dir, "Existing.DB"), onWindows},
	} {
		for _, names := range [][2]string{
			{"GFX_SYNC_LOCAL_DB", "GFX_SYNC_QUEUE_DB_PATH"}, {"GFX_SYNC_LOCAL_DB", "GFX_SYNC_LOG_FILE"}, {"GFX_SYNC_QUEUE_DB_PATH", "GFX_SYNC_LOG_FILE"},
		} {
			s, err := configured(t, runSettings(t).with(environment{names[0]: c.one, names[1]: c.other}))
			if err != nil {
				t.Fatal(err)
			}
			err = s.validate()
			if refused := err != nil; refused != c.same {
				t.Errorf("%s and %s: %v", c.one, c.other, err)
			}
			if err != nil && !strings.Contains(err.Error(), names[0]+" and "+names[1]+" are both "+quoted(filepath.Clean(c.other))+": expected two files") {
				t.Errorf("it is not said what is wrong: %v", err)
			}
		}
	}
}
