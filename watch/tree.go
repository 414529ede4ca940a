package watch

import (
	"path"
	"strings"
)

// tree is the set of watched directories, each with the names of its watched children, keyed by the path relative to the root; the root is ".".
type tree map[string]map[string]struct{}

func (t tree) has(rel string) bool {
	_, ok := t[rel]
	return ok
}

// add puts rel in; its parent is expected to be there already.
func (t tree) add(rel string) {
	if t.has(rel) {
		return
	}
	t[rel] = make(map[string]struct{})
	if siblings, ok := t[path.Dir(rel)]; ok && rel != "." {
		siblings[path.Base(rel)] = struct{}{}
	}
}

// remove takes out rel and all below it and returns what it took out.
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

// within tells whether rel is dir or below it.
func within(rel, dir string) bool {
	rest, ok := strings.CutPrefix(rel, dir)
	return dir == "." || ok && (rest == "" || rest[0] == '/')
}
