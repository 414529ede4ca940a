package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain has the test binary be gfxsync where it is called so: the scripts run it as a program where no other was
// built.
func TestMain(m *testing.M) {
	testscript.Main(leakTest{m}, map[string]func(){"gfxsync": main})
}

// leakTest runs the tests, and then looks for goroutines that a test has left.
type leakTest struct{ *testing.M }

func (m leakTest) Run() (code int) {
	goleak.VerifyTestMain(aroundTests(m.M), goleak.Cleanup(func(c int) { code = c }))
	return code
}

// aroundTests says what else is done before the tests and after them.
var aroundTests = func(m *testing.M) goleak.TestingM { return m }
