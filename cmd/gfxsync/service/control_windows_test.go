package service

import (
	"slices"
	"testing"

	"golang.org/x/sys/windows"
)

// TestWindowsPartsACommandLine into the words that it was made of.
func TestWindowsPartsACommandLine(t *testing.T) {
	words := []string{`C:\GFX files\gfxsync.exe`}
	for word := range wordsOfWindows {
		words = append(words, word)
	}
	if got, err := windows.DecomposeCommandLine(commandLine(words)); err != nil || !slices.Equal(got, words) {
		t.Errorf("%s is parted into %q (%v), want %q", commandLine(words), got, err, words)
	}
}
