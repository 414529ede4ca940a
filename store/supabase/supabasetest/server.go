package supabasetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Server is a Supabase project: a database and the gateway in front of it.
type Server struct {
	URL            string // http://127.0.0.1:port; REST is below /rest/v1/
	SecretKey      string // sb_secret_…, acts as service_role
	PublishableKey string // sb_publishable_…, acts as anon
	ServiceJWT     string // the legacy service_role key
	AnonJWT        string // the legacy anon key

	cluster   *cluster
	database  string
	schemas   []string
	api       *pgxpool.Pool
	owner     *pgxpool.Pool
	jwtSecret []byte
	log       io.Writer
	addr      string

	// The work of a request outlives its connection, as it does behind
	// PostgREST: a client that gave up may still have written its rows.
	work context.Context
	stop context.CancelFunc

	settings settingsNow
	faults   faults
	journal  journal
	accepted atomic.Int64

	mu      sync.Mutex
	serving *http.Server
	served  chan struct{}
	closed  bool
	open    sync.WaitGroup // connections, and so their handlers
}

// Serve starts a gateway without a test, for programs and scripts, listening on
// addr ("127.0.0.1:0" picks a port). It writes a line per request to log, without
// headers or query, as keys may be in both. The caller calls Close, and
// StopCluster before the program ends.
func Serve(ctx context.Context, addr string, log io.Writer, opts ...Option) (*Server, error) {
	c, err := sharedCluster(ctx)
	if err != nil {
		return nil, err
	}
	database, err := c.createDatabase(ctx)
	if err != nil {
		return nil, err
	}
	cfg := newConfig(opts)
	s := &Server{cluster: c, database: database, schemas: cfg.schemas, log: log, addr: addr}
	s.work, s.stop = context.WithCancel(context.Background())
	s.settings.reset()
	if err := s.setUp(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) setUp(ctx context.Context, cfg config) (err error) {
	if s.owner, err = s.cluster.pool(ctx, s.database, 4); err != nil {
		return err
	}
	if s.api, err = s.cluster.pool(ctx, s.database, 8); err != nil {
		return err
	}
	for _, sql := range cfg.sql {
		if _, err := s.owner.Exec(ctx, sql); err != nil {
			return fmt.Errorf("set up the database: %w", err)
		}
	}
	if err := s.makeKeys(); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.URL = "http://" + s.addr
	return nil
}

// listen opens the port; from the first time on it is always the same one.
func (s *Server) listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil {
		return nil
	}
	if s.closed {
		return http.ErrServerClosed
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.addr = ln.Addr().String()
	s.serving = &http.Server{Handler: http.HandlerFunc(s.handle), ConnState: s.count, ReadHeaderTimeout: time.Minute}
	s.served = make(chan struct{})
	go func(srv *http.Server, done chan<- struct{}) {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed: only Stop ends it
	}(s.serving, s.served)
	return nil
}

// count sees StateNew before Serve goes on to accept the next connection, so that
// nothing is added once Stop has seen Serve return.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.accepted.Add(1)
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Done()
	}
}

// Connections is the number of TCP connections accepted so far.
func (s *Server) Connections() int { return int(s.accepted.Load()) }

// Stop refuses connections from now on and cuts the open ones. Work that has
// begun goes on to its end, as it would behind a failed network.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving == nil {
		return
	}
	_ = s.serving.Close() // it has no way to fail that matters here
	<-s.served
	s.serving = nil
}

// Start listens again on the same port. It panics when the port is taken for
// good, as httptest does: no test could go on.
func (s *Server) Start() {
	deadline := time.Now().Add(helperTimeout)
	for {
		err := s.listen()
		if err == nil || errors.Is(err, http.ErrServerClosed) {
			return
		}
		if time.Now().After(deadline) {
			panic(fmt.Sprintf("supabasetest: reopen %s: %v", s.addr, err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Close stops the server, waits for what it was doing and drops the database.
func (s *Server) Close() error {
	s.Stop()
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.stop()
	s.open.Wait()
	for _, pool := range []*pgxpool.Pool{s.api, s.owner} {
		if pool != nil {
			pool.Close()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), helperTimeout)
	defer cancel()
	return s.cluster.dropDatabase(ctx, s.database)
}

// DB gives direct access as the owner of the database, for example to hold a
// lock. It has few connections; release them.
func (s *Server) DB() *pgxpool.Pool { return s.owner }

func (s *Server) qualify(table string) string {
	if schema, name, ok := strings.Cut(table, "."); ok {
		return pgx.Identifier{schema, name}.Sanitize()
	}
	return pgx.Identifier{s.schemas[0], table}.Sanitize()
}
