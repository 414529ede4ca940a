package supabasetest

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Canned is an answer given without looking at the request.
type Canned struct {
	Status int // 0 is 200
	Header http.Header
	Body   string
}

// HTML is a proxy's error page, as 413, 502 to 504 and 520 to 524 come: the body
// is not JSON, whatever the request accepts.
func HTML(status int) Canned {
	text := http.StatusText(status)
	if text == "" {
		text = "Web server is returning an unknown error" // Cloudflare's 520
	}
	return Canned{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}},
		Body: fmt.Sprintf("<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"+
			"<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n", status, text, status, text),
	}
}

// RateLimited is a 429 with Retry-After, in seconds or as an HTTP date.
func RateLimited(retryAfter string) Canned {
	return Canned{
		Status: http.StatusTooManyRequests,
		Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {retryAfter}},
		Body:   `{"message":"API rate limit exceeded"}`,
	}
}

// Fault is what goes wrong with one request; the zero value is nothing.
type Fault struct {
	Latency         time.Duration // before anything is done
	DropBefore      bool          // the connection is cut, nothing is done
	Answer          *Canned       // is answered, nothing is done
	DropAfterCommit bool          // the connection is cut when everything is done
	Truncate        bool          // the answer's body ends in its middle
	SlowBody        time.Duration // the time the answer's body takes
}

// faults holds the misbehaviour that was asked for. Of the counted kinds a
// request suffers one, in the order DropBefore, Answer, DropAfterCommit.
type faults struct {
	mu       sync.Mutex
	latency  time.Duration
	slowBody time.Duration
	before   int
	after    int
	truncate int
	answers  []cannedRun
	choose   func(*http.Request) Fault
}

type cannedRun struct {
	left   int // negative: for ever
	answer Canned
}

func (f *faults) change(do func(*faults)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do(f)
}

// next decides one request's fate. A hook that picks something has the first say.
func (f *faults) next(r *http.Request) Fault {
	f.mu.Lock()
	choose := f.choose
	f.mu.Unlock()
	var fault Fault
	if choose != nil {
		fault = choose(r) // without the lock: a hook may call the server's setters
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.Latency += f.latency
	fault.SlowBody += f.slowBody
	if fault.DropBefore || fault.DropAfterCommit || fault.Answer != nil {
		return fault
	}
	switch {
	case f.before > 0:
		f.before--
		fault.DropBefore = true
	case len(f.answers) > 0:
		fault.Answer = f.nextAnswer()
	case f.after > 0:
		f.after--
		fault.DropAfterCommit = true
	}
	return fault
}

func (f *faults) nextAnswer() *Canned {
	run := &f.answers[0]
	answer := run.answer
	if run.left > 0 {
		run.left--
	}
	if run.left == 0 {
		f.answers = f.answers[1:]
	}
	return &answer
}

// takeTruncation is asked for answers that have a middle to be cut in.
func (f *faults) takeTruncation() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.truncate == 0 {
		return false
	}
	f.truncate--
	return true
}

// SetLatency delays every request before anything is done.
func (s *Server) SetLatency(d time.Duration) { s.faults.change(func(f *faults) { f.latency = d }) }

// SetSlowBody makes every answer's body take so long.
func (s *Server) SetSlowBody(d time.Duration) { s.faults.change(func(f *faults) { f.slowBody = d }) }

// Answer answers the next n requests so, without touching the database; with n
// negative all requests, until Heal. Calls queue up; n of 0 clears the queue.
func (s *Server) Answer(n int, r Canned) {
	s.faults.change(func(f *faults) {
		if n == 0 {
			f.answers = nil
			return
		}
		f.answers = append(f.answers, cannedRun{left: n, answer: r})
	})
}

// DropBefore cuts the connection of the next n requests before they do anything.
// Go's own client silently repeats a GET whose kept-alive connection was cut.
func (s *Server) DropBefore(n int) { s.faults.change(func(f *faults) { f.before = n }) }

// DropAfterCommit does the work of the next n requests and then cuts the
// connection instead of answering.
func (s *Server) DropAfterCommit(n int) { s.faults.change(func(f *faults) { f.after = n }) }

// Truncate cuts the next n answers that have a body in the middle of it.
func (s *Server) Truncate(n int) { s.faults.change(func(f *faults) { f.truncate = n }) }

// SetFault lets f choose a fault for each request, on top of what else is set.
// It may read the body, and may call any of the server's setters, Stop included.
func (s *Server) SetFault(f func(r *http.Request) Fault) {
	s.faults.change(func(all *faults) { all.choose = f })
}

// Heal ends all misbehaviour: faults, delays, canned answers and hook are gone,
// the limits are a new project's again, and a stopped server listens.
func (s *Server) Heal() {
	s.faults.change(func(f *faults) {
		f.latency, f.slowBody = 0, 0
		f.before, f.after, f.truncate = 0, 0, 0
		f.answers, f.choose = nil, nil
	})
	s.settings.reset()
	s.Start()
}
