package envfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

func read(t *testing.T, content string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gfxsync.env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func TestAValueIsReadAsItIsWritten(t *testing.T) {
	for written, want := range map[string]string{
		`NAME=value`:                         "value",
		`NAME=`:                              "",
		` export  NAME = value `:             "value",
		`NAME=C:\GFX\new`:                    `C:\GFX\new`,
		`NAME=C:\GFX#1\output`:               `C:\GFX#1\output`,
		`NAME='C:\GFX #1\output'`:            `C:\GFX #1\output`,
		`NAME="C:\GFX #1\output" # a folder`: `C:\GFX #1\output`,
		`NAME="C:\GFX\"`:                     `C:\GFX\`,
		`NAME="C:\new\report"`:               `C:\new\report`,
		`NAME=\\nas\gfx$\output`:             `\\nas\gfx$\output`,
		`NAME=\\nas\$GFX\output`:             `\\nas\$GFX\output`,
		`NAME="\\nas\GFX$OLD"`:               `\\nas\GFX$OLD`,
		`NAME='${NAME}'`:                     "${NAME}",
		`NAME='%USERPROFILE%'`:               "%USERPROFILE%",
		`NAME='say "yes"'`:                   `say "yes"`,
		`NAME="it's"`:                        "it's",
		`NAME=it's`:                          "it's",
		`NAME=500 # records`:                 "500",
		"NAME=500\t#\trecords":               "500",
		`NAME=500 #`:                         "500",
		`NAME= # not yet`:                    "",
		`NAME=0 5 * * *`:                     "0 5 * * *",
		`NAME=방송실 1`:                         "방송실 1",
		`NAME=a=b`:                           "a=b",
	} {
		f, err := read(t, "# settings\r\n\r\nOTHER=1\r\n"+written+"\r\n")
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		if got, ok := f.Lookup("NAME"); got != want || !ok {
			t.Errorf("%s is %q, want %q", written, got, want)
		}
	}
}

func TestWhatMayBeMeantInTwoWaysIsRefused(t *testing.T) {
	for written, want := range map[string]string{
		`NAME=C:\GFX #1\output`:      "put the value in quotation marks",
		`NAME=C:\GFX # 1\output`:     "put the value in quotation marks",
		`NAME=/srv/gfx #1`:           "put the value in quotation marks",
		`NAME=#1`:                    "put the value in quotation marks",
		`NAME=${HOME}/gfx`:           "variables are not replaced",
		`NAME="%USERPROFILE%\gfx"`:   "variables are not replaced",
		`NAME="C:\GFX`:               "a quotation mark has no other on the same line",
		`NAME='C:\GFX"`:              "a quotation mark has no other on the same line",
		`NAME="a "b" c"`:             "after the second quotation mark",
		`NAME="a\"b"`:                "after the second quotation mark",
		`NAME value`:                 "expected NAME=VALUE",
		`NAME: value`:                "expected NAME=VALUE",
		`set NAME=value`:             "expected NAME=VALUE",
		`$env:NAME="value"`:          "expected NAME=VALUE",
		`NA-ME=value`:                "expected NAME=VALUE",
		`=value`:                     "expected NAME=VALUE",
		"NAME=sb_secret_1\nsecret_2": "line 3: expected NAME=VALUE",
	} {
		f, err := read(t, "# settings\n"+written)
		if err == nil {
			value, _ := f.Lookup("NAME")
			t.Errorf("%s is %q", written, value)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, want) || !strings.Contains(text, "gfxsync.env: line ") {
			t.Errorf("%s: %v; want the file, the line, and %q", written, err, want)
		}
		if strings.Contains(text, "secret_") || strings.ContainsAny(text, "\r\n") {
			t.Errorf("%s: the error shows what stands in the file: %v", written, err)
		}
	}
}

func TestOtherEncodingsAreNamed(t *testing.T) {
	const text = "GFX_SYNC_PC_ID=방송실 1\r\nGFX_SYNC_SUPABASE_SERVICE_KEY=sb_secret_0123456789\r\n"
	utf16Of := func(text string, low, high int) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(text)) {
			b.WriteByte(byte(unit >> low))
			b.WriteByte(byte(unit >> high))
		}
		return b.String()
	}
	for name, c := range map[string]struct{ content, want string }{
		"UTF-16 LE":                    {utf16Of(byteOrderMark+text, 0, 8), "is UTF-16"},
		"UTF-16 BE":                    {utf16Of(byteOrderMark+text, 8, 0), "is UTF-16"},
		"UTF-16 LE without a mark":     {utf16Of(text, 0, 8), "is UTF-16"},
		"UTF-16 BE without a mark":     {utf16Of(text, 8, 0), "is UTF-16"},
		"an empty file of PowerShell":  {"\xff\xfe", "is UTF-16"},
		"CP949":                        {"GFX_SYNC_PC_ID=\xb9\xe6\xbc\xdb\xbd\xc7 1\r\n", "is CP949"},
		"CP949 beyond EUC-KR":          {"GFX_SYNC_PC_ID=\xc0\xce\x81A\xb6k\r\n", "is CP949"},
		"Latin 1":                      {"GFX_SYNC_PC_ID=caf\xe9 1\r\n", "is not UTF-8"},
		"UTF-8 that was cut":           {"GFX_SYNC_PC_ID=\xeb", "is not UTF-8"},
		"UTF-8":                        {text, ""},
		"UTF-8 with a byte order mark": {byteOrderMark + text, ""},
		"ASCII":                        {"GFX_SYNC_PC_ID=pc-1\n", ""},
		"nothing":                      {"", ""},
		"a byte order mark alone":      {byteOrderMark, ""},
	} {
		_, err := read(t, c.content)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want that it %s", name, err, c.want)
		} else if !strings.Contains(err.Error(), "Save As") {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
	}
}

func TestTheLastLineOfANameCounts(t *testing.T) {
	f, err := read(t, "NAME=1\nOTHER=x\nNAME=2")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := f.Lookup("NAME"); got != "2" {
		t.Errorf("it is %q", got)
	}
	if got := strings.Join(f.Names(), " "); got != "NAME OTHER NAME" {
		t.Errorf("the names are %s", got)
	}
	var none *File
	if _, ok := none.Lookup("NAME"); ok || none.Names() != nil {
		t.Error("no file has settings")
	}
}

// FuzzFile reads any file at all. What it takes, Set leaves alone but for its own name.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"", byteOrderMark, "A=1", "A=1\r\nB='x # y'\n# c\n\nexport C=\"d\"", "A=\\", "A='", "A= # x", "A=#", "\xff\xfeA\x00", "NAME=1\rNAME=2\r",
		"A==", "A=\u00a0x\u00a0", "한글=x", "A=${B}", "A=%PATH%", "A=\x00",
	} {
		f.Add(text, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		file := New("x")
		if file.parse([]byte(text)) != nil || file.Set("NAME", value) != nil || strings.ContainsRune(text, 0) {
			return // zero bytes may be UTF-16, or not
		}
		again := New("x")
		if err := again.parse([]byte(file.text())); err != nil {
			t.Fatalf("%q became %q: %v", text, file.text(), err)
		}
		for _, name := range file.Names() {
			want, _ := file.Lookup(name)
			if got, _ := again.Lookup(name); got != want {
				t.Errorf("%q became %q: %s is %q, want %q", text, file.text(), name, got, want)
			}
		}
	})
}
