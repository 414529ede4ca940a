package main

import (
	"regexp"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
)

const rootsExpected = "the path of a folder, or several as LABEL=PATH;LABEL=PATH, each label once, of letters, " +
	"digits, - _ and ."

// labelled matches a root with its label. A path that looks like this can be written as ./a=b.
var labelled = regexp.MustCompile(`^\s*([\pL\pN_.-]{1,100})=(.*)$`)

// parseRoots parses one path, or several paths with a label each. The label becomes the gfx_pc_id of the files.
func parseRoots(into *[]hashindex.Root, v string) bool {
	*into = nil
	if !labelled.MatchString(v) {
		var dir string
		ok := parsePath(&dir, v) && !isFile(dir)
		*into = []hashindex.Root{{Dir: dir}}
		return ok
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(v), ";"), ";") {
		m := labelled.FindStringSubmatch(part)
		if m == nil || seen[m[1]] {
			return false
		}
		seen[m[1]] = true
		root := hashindex.Root{Label: m[1]}
		if !parsePath(&root.Dir, strings.TrimSpace(m[2])) || isFile(root.Dir) {
			return false
		}
		*into = append(*into, root)
	}
	return true
}
