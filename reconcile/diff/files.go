// Package diff finds the differences between directory, index and table, and hands them on as values. It writes
// nothing. Reconcile applies the differences, and verify reports them.
package diff

import (
	"context"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
)

// Kind is how a file of the directory compares with the index.
type Kind uint8

const (
	Same    Kind = iota // the index has it with this size and time
	Racy                // so it is, but it may have been changed since without a trace in them (hashindex.Entry.Racy)
	Changed             // it has another size or time
	Added               // the index does not know it, or has it as gone
	Gone                // the index has it, and the directory has not
)

// File is a file of directory or index.
type File struct {
	Key   fileid.ID
	Kind  Kind
	Size  int64                // 0 if the file is gone
	Known *hashindex.ScanEntry // what the index says; nil if the file is added. It is valid until visit returns
}

// Files compares the directory of a root with the index.
type Files struct {
	Index hashindex.Index
	Root  hashindex.Root
	Match func(name string) bool // which files count
	// Before is the directory that the root was when it was last walked to the end, as Folder returns it; empty: not
	// known.
	Before string
	// AcceptMissing takes it as given that all files are gone, and that the root is another directory.
	AcceptMissing bool
}

// Walk calls visit for each file of the directory that matches, and for each file that the index has and the directory
// has not. It fails as hashindex.Scanner.Run does, or with a RootChangedError.
func (f Files) Walk(ctx context.Context, visit func(File) error) (hashindex.ScanResult, error) {
	if !f.AcceptMissing {
		if err := f.checkRoot(ctx); err != nil {
			return hashindex.ScanResult{}, err
		}
	}
	scanner := hashindex.Scanner{Index: f.Index, Root: f.Root, Match: f.Match, AcceptEmpty: f.AcceptMissing}
	return scanner.Run(ctx, func(path string, stamp *hashindex.Stamp, known *hashindex.ScanEntry) error {
		file := File{Key: fileid.ID{Root: f.Root.Label, Path: path}, Known: known}
		switch {
		case stamp == nil:
			file.Kind = Gone
			return visit(file)
		case known == nil:
			file.Kind = Added
		case *stamp != known.Stamp:
			file.Kind = Changed
		case known.Racy:
			file.Kind = Racy
		}
		file.Size = stamp.Size
		return visit(file)
	})
}
