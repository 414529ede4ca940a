package supabasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const startTimeout = 3 * time.Minute

// settings trade durability for speed: the cluster dies with its tests.
// deadlock_timeout is short so that a test of 40P01 does not wait a second.
var settings = map[string]string{
	"fsync":                   "off",
	"synchronous_commit":      "off",
	"full_page_writes":        "off",
	"autovacuum":              "off",
	"max_connections":         "200",
	"max_wal_size":            "256MB",
	"wal_level":               "minimal",
	"max_wal_senders":         "0",
	"deadlock_timeout":        "100ms",
	"log_min_messages":        "fatal",
	"log_min_error_statement": "panic",
}

// cluster is a running PostgreSQL with Supabase's roles and defaults in it.
type cluster struct {
	conn      string
	shutdown  func() error
	databases atomic.Int64
}

var shared struct {
	mu      sync.Mutex
	cluster *cluster
	err     error
}

// sharedCluster starts the process's cluster on first use. A failure is
// remembered: what is not installed now will not be for the next test either.
func sharedCluster(ctx context.Context) (*cluster, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = startCluster(ctx)
	}
	return shared.cluster, shared.err
}

// StopCluster stops the process's PostgreSQL and deletes its directory. Main
// does it for tests; a program that calls Serve does it after the last Close.
func StopCluster() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	c := shared.cluster
	shared.cluster, shared.err = nil, nil
	if c == nil {
		return nil
	}
	return c.shutdown()
}

func startCluster(ctx context.Context) (*cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c, err := startInstalled(ctx)
	if errors.Is(err, errNotInstalled) {
		c, err = startEmbedded()
	}
	if err != nil {
		return nil, fmt.Errorf("start a private PostgreSQL: %w", err)
	}
	if err := c.exec(ctx, "template1", projectSchema); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the template: %w", err), c.shutdown())
	}
	return c, nil
}

// exec opens a connection of its own: CREATE DATABASE refuses a template that
// anybody is connected to, and a kept connection would be a goroutine's risk.
func (c *cluster) exec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, c.conn+" dbname="+database)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// createDatabase copies the files of the template. By default PostgreSQL would log each of their pages, which takes
// five times the processor time.
func (c *cluster) createDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("project_%d", c.databases.Add(1))
	if err := c.exec(ctx, "postgres", "create database "+name+" strategy file_copy"); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

func (c *cluster) dropDatabase(ctx context.Context, name string) error {
	return c.exec(ctx, "postgres", "drop database if exists "+name+" with (force)")
}

// pool never caches statements or their descriptions: tests change tables under
// a running server, and a stale plan would be this package's error, not PostgreSQL's.
func (c *cluster) pool(ctx context.Context, database string, size int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(c.conn + " dbname=" + database)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = size
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	return pgxpool.NewWithConfig(ctx, cfg)
}

// logTail makes a failed start explain itself.
func logTail(file string) string {
	const most = 2000
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}
