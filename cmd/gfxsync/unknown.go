package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
)

// variablePrefix is that of all variables of gfxsync.
const variablePrefix = "GFX_SYNC_"

// refuseUnknown refuses a variable of gfxsync that it does not have, in the environment or in the file. A setting that
// is mistyped would otherwise be passed over, and its default taken.
func (p *program) refuseUnknown(file *envfile.File) error {
	known := knownVariables()
	for _, variable := range slices.Sorted(slices.Values(p.environ)) {
		name, value, _ := strings.Cut(variable, "=")
		// Windows takes upper and lower case of a variable's name for one.
		isKnown := runtime.GOOS == "windows" && slices.Contains(known, strings.ToUpper(name))
		if isKnown || strings.TrimSpace(value) == "" {
			continue
		}
		if isUnknown(name, known) {
			return unknownVariable(name, "in the environment", known)
		}
	}
	for _, name := range file.Names() {
		if isUnknown(name, known) {
			return unknownVariable(name, "in "+file.Path, known)
		}
	}
	return nil
}

// knownVariables returns the variables of all settings, whether or not a command has a use for them.
func knownVariables() []string {
	known := []string{envFileVariable, passwordVariable}
	for _, s := range slices.Concat(agentSettings...) {
		known = append(known, s.env...)
	}
	return known
}

// isUnknown says whether a name belongs to gfxsync and is none of the known ones. Names of other programs may be there
// too.
func isUnknown(name string, known []string) bool {
	if slices.Contains(known, name) {
		return false
	}
	return strings.HasPrefix(strings.ToUpper(name), variablePrefix) || mistyped(name, known) != ""
}

// mistyped returns the known name that differs from a name by two letters at most.
func mistyped(name string, known []string) string {
	for _, k := range known {
		if editDistance(strings.ToUpper(name), k) <= 2 {
			return k
		}
	}
	return ""
}

func unknownVariable(name, where string, known []string) error {
	hint := "gfxsync run --help lists all settings"
	if near := nearestVariable(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	shown := name
	if mayHoldKey(name) {
		shown = "(not shown)"
	}
	return fmt.Errorf("%w: %s %s is no setting: %s", errSettings, shown, where, hint)
}

func nearestVariable(name string, known []string) string {
	if near := mistyped(name, known); near != "" {
		return near
	}
	short := func(name string) string { return strings.TrimPrefix(name, variablePrefix) }
	var names []string
	for _, k := range known {
		names = append(names, short(k))
	}
	if near := nearest(short(strings.ToUpper(name)), names); near != "" {
		return variablePrefix + near
	}
	return ""
}
