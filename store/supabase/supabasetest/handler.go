package supabasetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// response is an answer before it is sent, so that a fault can spoil it.
type response struct {
	status int
	header http.Header
	body   []byte
	rows   int
}

func (r *response) set(key, value string) {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(key, value)
}

const prefix = "/rest/v1/"

// handle receives a request as the gateway does: keys, limits and faults come
// before PostgREST sees anything of it.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	note := &Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), At: time.Now(),
	}
	s.journal.add(note)
	defer s.logRequest(note)
	body, err := readBody(r)
	rows := countRows(r.Method, body)
	s.journal.update(func() { note.BodyBytes, note.Rows = len(body), rows })
	fault := s.faults.next(r)
	if !s.pause(r, fault.Latency) || fault.DropBefore {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	answer := s.answer(r, body, err, fault)
	if fault.DropAfterCommit {
		panic(http.ErrAbortHandler)
	}
	s.journal.update(func() {
		note.Status = answer.status
		if r.Method != http.MethodPost {
			note.Rows = answer.rows
		}
	})
	s.send(w, r, answer, fault)
}

func (s *Server) answer(r *http.Request, body []byte, bodyErr error, fault Fault) response {
	switch {
	case fault.Answer != nil:
		return response{status: max(fault.Answer.Status, http.StatusOK), header: fault.Answer.Header.Clone(), body: []byte(fault.Answer.Body)}
	case bodyErr != nil:
		panic(http.ErrAbortHandler) // the client went away
	case s.tooLarge(body):
		page := HTML(http.StatusRequestEntityTooLarge)
		return response{status: page.Status, header: page.Header, body: []byte(page.Body)}
	}
	role, err := s.authenticate(r)
	if err == nil {
		var answer response
		if answer, err = s.route(r, role, body); err == nil {
			return answer
		}
	}
	return failure(err, role)
}

// readBody hands the hook of SetFault a body it can read again.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

func (s *Server) tooLarge(body []byte) bool {
	limit := s.settings.get().bodyLimit
	return limit >= 0 && int64(len(body)) > limit
}

// pause reports false when nobody waits for the answer any more.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.work.Done():
	}
	return false
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, a response, fault Fault) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if r.Method == http.MethodHead || a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	cut := len(a.body) > 1 && (fault.Truncate || s.faults.takeTruncation())
	body := a.body
	if cut {
		body = body[:len(body)/2]
	}
	s.write(w, r, body, fault.SlowBody)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// write spreads the body over d. Errors are the client's going away.
func (s *Server) write(w http.ResponseWriter, r *http.Request, body []byte, d time.Duration) {
	const parts = 20
	flush := http.NewResponseController(w)
	for i := range parts {
		from, to := len(body)*i/parts, len(body)*(i+1)/parts
		if d <= 0 {
			from, to = 0, len(body)
		}
		if _, err := w.Write(body[from:to]); err != nil {
			return
		}
		_ = flush.Flush()
		if d <= 0 || !s.pause(r, d/parts) {
			return
		}
	}
}

// route follows the gateway to PostgREST, and there from path and method to the
// operation. What PostgREST could do and this package cannot is refused loudly.
func (s *Server) route(r *http.Request, role string, body []byte) (response, error) {
	table, ok := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case !ok:
		return response{}, &gatewayError{status: http.StatusNotFound, message: "no Route matched with those values"}
	case table == "":
		return s.root(r, role)
	case strings.HasPrefix(table, "rpc/") && r.Method == http.MethodPost:
		q := &query{
			method: r.Method, name: strings.TrimPrefix(table, "rpc/"), function: true, header: r.Header, body: body,
			role: role, limits: s.settings.get(),
		}
		return s.run(q, r, "Content-Profile", s.call)
	case strings.HasPrefix(table, "rpc/"):
		return response{}, notModelled("functions by " + r.Method)
	case strings.Contains(table, "/"):
		return response{}, pgrst(http.StatusNotFound, "PGRST125", "Invalid path specified in request URL")
	}
	q := &query{method: r.Method, name: table, header: r.Header, body: body, role: role, limits: s.settings.get()}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s.run(q, r, "Accept-Profile", s.read)
	case http.MethodPost:
		return s.run(q, r, "Content-Profile", s.insert)
	case http.MethodDelete:
		return s.run(q, r, "Content-Profile", s.remove)
	case http.MethodPatch:
		return s.run(q, r, "Content-Profile", s.update)
	case http.MethodPut, http.MethodOptions:
		return response{}, notModelled("the method " + r.Method)
	}
	// docs.postgrest.org, Errors, PGRST117
	return response{}, pgrst(http.StatusMethodNotAllowed, "PGRST117", "Unsupported HTTP method: "+r.Method)
}

func (s *Server) logRequest(note *Request) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	fmt.Fprintf(s.log, "%s %s %s status=%d bytes=%d rows=%d took=%s\n", note.At.UTC().Format(time.RFC3339),
		note.Method, note.Path, note.Status, note.BodyBytes, note.Rows, time.Since(note.At).Round(time.Microsecond))
}
