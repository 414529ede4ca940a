package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
)

const rootsExpected = "the path of a folder, or several as LABEL=PATH;LABEL=PATH, each label once, of letters, digits, - _ and ."

// labelled is a root with its label. A path that happens to look like one can be given as ./a=b.
var labelled = regexp.MustCompile(`^\s*([\pL\pN_.-]{1,100})=(.*)$`)

// parseRoots takes one path, or several with a label each, which becomes the gfx_pc_id of its files.
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

// validateRoots refuses folders inside one another, whose files would be two files each.
func validateRoots(roots []hashindex.Root) error {
	for _, inner := range roots {
		for _, outer := range roots {
			if inner != outer && isInside(inner.Dir, outer.Dir) {
				return fmt.Errorf("%w: GFX_SYNC_GFX_WATCH_PATH: the folder of %s lies in that of %s: expected folders beside one another",
					errSettings, inner.Label, outer.Label)
			}
		}
	}
	return nil
}
