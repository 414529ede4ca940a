package watch

import (
	"path"
	"strings"
)

// tree is the set of watched directories. The key is the path of a directory relative to the root, "." for the root
// itself. The value is the set of the names of its watched subdirectories.
type tree map[string]map[string]struct{}

func (t tree) has(rel string) bool {
	_, ok := t[rel]
	return ok
}

// add adds a directory. Its parent should be in the tree already.
func (t tree) add(rel string) {
	if t.has(rel) {
		return
	}
	t[rel] = make(map[string]struct{})
	if siblings, ok := t[path.Dir(rel)]; ok && rel != "." {
		siblings[path.Base(rel)] = struct{}{}
	}
}

// remove removes a directory and all directories below it. It returns their paths.
func (t tree) remove(rel string) []string {
	children, ok := t[rel]
	if !ok {
		return nil
	}
	removed := []string{rel}
	for name := range children {
		removed = append(removed, t.remove(join(rel, name))...)
	}
	delete(t, rel)
	if siblings, ok := t[path.Dir(rel)]; ok {
		delete(siblings, path.Base(rel))
	}
	return removed
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// within reports whether rel is dir or lies below it.
func within(rel, dir string) bool {
	rest, ok := strings.CutPrefix(rel, dir)
	return dir == "." || ok && (rest == "" || rest[0] == '/')
}
