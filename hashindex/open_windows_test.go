package hashindex

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

// A rename onto an open file is not tested: without POSIX semantics, Windows refuses it however the file was opened.
func TestAWriterKeepsItsFreedomWhileItsFileIsRead(t *testing.T) {
	for name, do := range map[string]func(name string) error{
		"write":  func(name string) error { return os.WriteFile(name, []byte(`{"ID":2}`), 0o600) },
		"rename": func(name string) error { return os.Rename(name, name+".old") },
		"delete": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "a.json")
			if err := os.WriteFile(name, []byte(`{"ID":1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := openShared(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := do(name); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFileThatItsWriterHoldsIsBeingWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.json")
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		t.Fatal(err)
	}
	root := Root{Dir: filepath.Dir(name)}
	h, err := windows.CreateFile(path, windows.GENERIC_WRITE, 0, nil, windows.CREATE_ALWAYS,
		windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := root.Read("a.json", 100); !errors.Is(err, ErrChanging) {
		t.Errorf("a file that is held: %v, want ErrChanging", err)
	}
	if err := windows.CloseHandle(h); err != nil {
		t.Fatal(err)
	}
	if _, _, err := root.Read("a.json", 100); err != nil {
		t.Errorf("released: %v", err)
	}
}
