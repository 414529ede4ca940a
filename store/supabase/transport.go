package supabase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxResponse bounds what is read of an answer. The largest that is asked for is a page of 1,000 hashes, about 50 KB.
const maxResponse = 4 << 20

// exchange is one request to PostgREST. postgrest-go takes no context, rewrites bodies and hides the status of an answer behind
// a formatted string, so it is given an exchange as its Transport.Parent: context and body go in here, the answer comes out.
type exchange struct {
	ctx    context.Context
	parent http.RoundTripper
	body   []byte              // nil: the request has none
	edit   func(*http.Request) // what postgrest-go has no word for; may be nil
	secret string              // what must not be seen in an answer that quotes the request

	status int
	header http.Header
	answer []byte
	err    error
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(x.ctx)
	req.Header.Set("Accept", "application/json")
	if x.edit != nil {
		x.edit(req)
	}
	req.Body, req.ContentLength, req.GetBody = http.NoBody, 0, nil
	if x.body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
	}
	// Whatever gfxsync sends may be sent twice. net/http repeats a request with this header on a new connection if
	// the server has just closed the old one; it does not send an empty one (net/http documentation, Transport).
	req.Header["Idempotency-Key"] = []string{}
	res, err := x.parent.RoundTrip(req)
	if err != nil {
		x.err = err
		return nil, err
	}
	x.status, x.header = res.StatusCode, res.Header
	x.answer, x.err = readAll(res.Body)
	if x.err != nil {
		return nil, x.err
	}
	x.answer = []byte(x.redact(string(x.answer)))
	if x.status >= 300 && x.status < 400 {
		// A redirect would carry the key to an address that nobody has set.
		to := x.redact(res.Header.Get("Location"))
		x.err = fmt.Errorf("the server answered with a redirect to %q", clip(to))
		return nil, x.err
	}
	res.Body = io.NopCloser(bytes.NewReader(x.answer))
	return res, nil
}

func (x *exchange) redact(s string) string {
	if x.secret == "" {
		return s
	}
	return strings.ReplaceAll(s, x.secret, redacted)
}

func readAll(body io.ReadCloser) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxResponse+1))
	err = errors.Join(err, body.Close())
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(b) > maxResponse {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxResponse)
	}
	return b, nil
}

// How an HTTP/2 connection over a dead path is noticed: after so much silence it is pinged, and it is closed without
// an answer in time.
const (
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
)

// newTransport shares connections among all requests of a client.
func newTransport(pingAfter, pingTimeout time.Duration) *http.Transport {
	return &http.Transport{
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}
