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

// maxResponse is the largest answer that is read, in bytes. A page of 1,000 hashes, the largest that is asked for, has
// about 50 KB.
const maxResponse = 4 << 20

// exchange is one request to PostgREST and its answer. postgrest-go takes no context, rewrites bodies and hides the
// status of an answer in a formatted string. So an exchange is its Transport.Parent: it brings the context and the
// body, and keeps the answer.
type exchange struct {
	ctx    context.Context
	parent http.RoundTripper
	body   []byte              // nil: the request has no body
	edit   func(*http.Request) // changes that postgrest-go cannot make; may be nil
	secret string              // is removed from answers that quote the request

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
	// All requests of gfxsync may be sent twice. With this header, net/http repeats a request on a new connection if
	// the server has just closed the old one. It does not send the header if it is empty (net/http documentation,
	// Transport).
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
		// Following a redirect would send the key to an address that is not in the settings.
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

// An HTTP/2 connection may be dead without an error. After pingAfter without traffic it is pinged. If there is no
// answer within pingTimeout, it is closed.
const (
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
)

// newTransport returns the transport of a Remote. All its requests share the connections.
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
