package store

// Verdict is what the check of one part came to.
type Verdict string

const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn"    // it works, but not as well as it could
	Fail    Verdict = "fail"    // it has to be mended
	Skipped Verdict = "skipped" // not tested, because of something else that failed or that this system cannot tell
)

// Finding is what the check of one part of a set-up found. It holds no secret.
type Finding struct {
	Part    string  `json:"part"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`           // what was found
	Hint    string  `json:"hint,omitempty"` // what to do
}
