package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func parsePath(into *string, v string) bool {
	if strings.TrimSpace(v) == "" || strings.ContainsRune(v, 0) || runtime.GOOS == "windows" && !mayBeWindowsPath(v) {
		return false
	}
	abs, err := filepath.Abs(v)
	*into = abs
	return err == nil
}

// mayBeWindowsPath says whether a file or folder of Windows can have this path. No name has one of these characters
// (Microsoft, "Naming Files, Paths, and Namespaces"). The ? of \\?\C:\… is not part of a name.
func mayBeWindowsPath(v string) bool {
	if len(v) >= 4 && strings.ReplaceAll(v[:4], `\`, "/") == "//?/" {
		v = v[4:]
	}
	return !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || strings.ContainsRune(`"<>|?*`, r) })
}

func isFile(path string) bool {
	return withinSeconds(func() bool {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	}, false)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isInside(path, dir string) bool {
	rel, err := filepath.Rel(realPath(dir), realPath(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// isSameFile says whether two paths name one file, or would name one file if it were made. Like the system, it takes A
// and a for one name or for two.
func isSameFile(a, b string) bool {
	return withinSeconds(func() bool {
		infoA, errA := os.Stat(a)
		infoB, errB := os.Stat(b)
		if errA == nil && errB == nil {
			return os.SameFile(infoA, infoB)
		}
		rel, err := filepath.Rel(findRealPath(a), findRealPath(b))
		return err == nil && rel == "."
	}, a == b)
}

// realPath follows the symbolic links in the part of a path that exists.
func realPath(path string) string {
	return withinSeconds(func() string { return findRealPath(path) }, path)
}

func findRealPath(path string) string {
	for there, rest := path, ""; ; there, rest = filepath.Dir(there), filepath.Join(filepath.Base(there), rest) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, rest)
		}
		if filepath.Dir(there) == there {
			return path
		}
	}
}

// withinSeconds returns what f finds on a file system, or other if the file system does not answer. Waiting for a share
// that does not answer is the task of the agent.
func withinSeconds[T any](f func() T, other T) T {
	found := make(chan T, 1)
	go func() { found <- f() }()
	select {
	case v := <-found:
		return v
	case <-time.After(3 * time.Second):
		return other
	}
}
