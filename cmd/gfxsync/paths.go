package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// mayBeWindowsPath tells whether Windows could have a file or folder of that path: it has none with any of these characters in its
// name (Microsoft, "Naming Files, Paths, and Namespaces"). The ? of \\?\C:\… is no name's.
func mayBeWindowsPath(v string) bool {
	if len(v) >= 4 && strings.ReplaceAll(v[:4], `\`, "/") == "//?/" {
		v = v[4:]
	}
	return !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || strings.ContainsRune(`"<>|?*`, r) })
}

// onQuotationMarks says where on Windows the quotation mark of a value that is refused is from. The command line --watch "C:\GFX\" --json
// has one argument after --watch, which is C:\GFX" --json; and set NAME="C:\GFX" sets quotation marks too.
func onQuotationMarks(v string) string {
	if runtime.GOOS != "windows" || !strings.Contains(v, `"`) {
		return ""
	}
	return ` (in it is a quotation mark, as which Windows takes the \" in "C:\GFX\": write "C:\GFX" or "C:/GFX/", and no quotation marks after set NAME=)`
}

// validateFiles refuses one file for two purposes, and files in a watch path.
func (s *settings) validateFiles() error {
	files := []struct{ name, path string }{
		{"GFX_SYNC_LOCAL_DB", s.localDB}, {"GFX_SYNC_QUEUE_DB_PATH", s.queueDB}, {"GFX_SYNC_LOG_FILE", s.logFile},
	}
	for i, f := range files {
		if f.path == "" {
			continue
		}
		for _, other := range files[:i] {
			if other.path != "" && sameFile(f.path, other.path) {
				return fmt.Errorf("%w: %s and %s are both %s: expected two files", errSettings, other.name, f.name, quoted(f.path))
			}
		}
		for _, root := range s.roots {
			if isInside(f.path, root.Dir) {
				return fmt.Errorf("%w: %s is %s: expected a path outside the watch path, in which nothing is ever written", errSettings, f.name, quoted(f.path))
			}
		}
	}
	return nil
}

// sameFile tells whether two paths are of one file, or would be if it were made. Where the system knows no difference between A and a,
// nor does it.
func sameFile(a, b string) bool {
	return answered(func() bool {
		infoA, errA := os.Stat(a)
		infoB, errB := os.Stat(b)
		if errA == nil && errB == nil {
			return os.SameFile(infoA, infoB)
		}
		rel, err := filepath.Rel(findRealPath(a), findRealPath(b))
		return err == nil && rel == "."
	}, a == b)
}
