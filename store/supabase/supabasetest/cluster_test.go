package supabasetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// outcome stands in for a test, to see how it would end.
type outcome struct {
	testing.TB
	said string
}

func (o *outcome) Fatalf(format string, args ...any) {
	o.said += "fatal " + fmt.Sprintf(format, args...)
}

func (o *outcome) Skipf(format string, args ...any) { o.said += "skip " + fmt.Sprintf(format, args...) }

func TestWithoutPostgres(t *testing.T) {
	for ci, want := range map[string]string{"true": "fatal", "": "skip"} {
		t.Setenv("CI", ci)
		o := &outcome{TB: t}
		unavailable(o, errors.New("no binaries"))
		if !strings.HasPrefix(o.said, want) || !strings.Contains(o.said, "no binaries") {
			t.Errorf("CI=%q: %s", ci, o.said)
		}
	}
}

func TestPairedSurrogates(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`""`: true, `"\\ud800"`: true, `"\ud83d\ude00"`: true, `"\u0000\n"`: true, `"\uD83D\uDE00\\"`: true,
		`"\ud800"`: false, `"\udc00"`: false, `"\ud800\u0041"`: false, `"\ud800x"`: false, `"\ud800\n"`: false, `"\\\ud800"`: false,
	} {
		if got := validJSON([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
