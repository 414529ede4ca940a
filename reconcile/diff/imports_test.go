package diff_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDiffImportsNothingThatWrites: of this project, package diff knows the types of index and records alone. A state
// file, a remote or an agent is not to be had from there.
func TestDiffImportsNothingThatWrites(t *testing.T) {
	const module = "github.com/gfxsync/gfxsync/"
	list, err := exec.Command("go", "list", "-deps", module+"reconcile/diff").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"hashindex": true, "store": true, "store/fileid": true, "store/sqlite": true,
		"reconcile/diff": true,
	}
	for name := range strings.FieldsSeq(string(list)) {
		if inside, ours := strings.CutPrefix(name, module); ours && !allowed[inside] {
			t.Errorf("reconcile/diff imports %s", inside)
		}
	}
}
