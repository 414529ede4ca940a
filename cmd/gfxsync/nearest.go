package main

import "strings"

// nearest returns the known name that a mistyped name was probably meant to be, or nothing if none is near. A name is
// near that shares a whole word, that continues what was typed, or that differs by about a letter in four.
func nearest(name string, known []string) string {
	best, bestShared, bestEdits := "", 0, 0
	for _, k := range known {
		shared, edits := sharedWords(name, k), editDistance(name, k)
		continues := len(name) > 1 && strings.HasPrefix(k, name)
		if shared == 0 && !continues && edits > 1+len(name)/4 {
			continue
		}
		if best == "" || shared > bestShared || shared == bestShared && edits < bestEdits {
			best, bestShared, bestEdits = k, shared, edits
		}
	}
	return best
}

// sharedWords counts the words of a that are in b.
func sharedWords(a, b string) (n int) {
	separator := func(r rune) bool { return r == '_' || r == '-' }
	of := map[string]bool{}
	for _, word := range strings.FieldsFunc(b, separator) {
		of[word] = true
	}
	for _, word := range strings.FieldsFunc(a, separator) {
		if of[word] {
			n++
		}
	}
	return n
}

// editDistance counts the letters that are missing, too many, wrong, or swapped with their neighbour.
func editDistance(a, b string) int {
	// rows[i][j] is the distance of the first i bytes of a and the first j bytes of b.
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], 1+rows[i-2][j-2])
			}
		}
	}
	return rows[len(a)][len(b)]
}
