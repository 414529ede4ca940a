package supabase

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// onlyAHang is a time limit that only a hang reaches, even on a busy machine.
const onlyAHang = 2 * time.Minute

// A server may close a kept connection just when the next request is sent on it. That is not an outage.
func TestAPostOnAConnectionThatTheServerHasJustClosedIsRepeated(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveOnce(t, conn, &served) })
		}
	})
	r := New(Options{
		URL:       &url.URL{Scheme: "http", Host: listener.Addr().String()},
		UserAgent: "gfxsync/test", Timeout: onlyAHang,
	})
	one := []store.Record{{FileHash: "h", RawJSON: []byte("{}")}}
	if err := r.Upsert(t.Context(), one); err != nil { // this also finds out the table's columns
		t.Fatal(err)
	}
	served.Store(0)
	for range 5 {
		if err := r.Upsert(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	if n := served.Load(); n != 5 {
		t.Errorf("%d requests were answered, want 5", n)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	serving.Wait()
}

// serveOnce answers one request and promises to keep the connection. It closes the connection when the next request
// comes.
func serveOnce(t *testing.T, conn net.Conn, served *atomic.Int64) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if req.Header.Get("Idempotency-Key") != "" {
		t.Error("the header that is for net/http alone was sent")
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	served.Add(1)
	if _, err := io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"); err != nil {
		return
	}
	_, _ = in.ReadByte()
}

// A network path may die without an error, for example when a VPN or a router restarts. The pings of an idle HTTP/2
// connection notice that. So the next request does not wait for an answer that cannot come.
func TestAnIdleConnectionOverADeadPathIsClosed(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.ProtoMajor != 2 {
			t.Errorf("the request came by %s", req.Proto)
		}
		_, _ = io.WriteString(w, "[]")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	dials := make(chan *mutedConn, 10)
	transport := newTransport(100*time.Millisecond, time.Second)
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		muted := &mutedConn{Conn: conn, closed: make(chan struct{})}
		dials <- muted
		return muted, nil
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{URL: at, UserAgent: "gfxsync/test", Timeout: onlyAHang})
	r.transport = transport
	if err := r.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := <-dials
	dead.mute.Store(true)
	select {
	case <-dead.closed:
	case <-time.After(onlyAHang):
		t.Fatal("the connection over the dead path is still there")
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// mutedConn is a connection whose path can die. After that, all writes are lost.
type mutedConn struct {
	net.Conn
	mute   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (c *mutedConn) Write(b []byte) (int, error) {
	if c.mute.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *mutedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
