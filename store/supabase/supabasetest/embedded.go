package supabasetest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

var errNotInstalled = errors.New("no PostgreSQL binaries found in PATH or in the usual places")

// startEmbedded fetches PostgreSQL's binaries once into the user's cache. It
// serves machines without an installation, and Windows. Unlike an installed
// server it outlives a killed test process.
func startEmbedded() (*cluster, error) {
	if os.Geteuid() == 0 {
		return nil, fmt.Errorf("%w, and the embedded one cannot run as root", errNotInstalled)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sbt-embedded-")
	if err != nil {
		return nil, err
	}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	clean := func() error { return errors.Join(logFile.Close(), os.RemoveAll(dir)) }
	parameters := map[string]string{"listen_addresses": "127.0.0.1"}
	for k, v := range settings {
		parameters[k] = v
	}
	pg := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Port(uint32(port)).
		RuntimePath(filepath.Join(dir, "run")).
		DataPath(filepath.Join(dir, "data")).
		StartParameters(parameters).
		StartTimeout(startTimeout).
		Logger(logFile))
	err = pg.Start()
	// It downloads with the default client, whose idle connections look like leaks.
	http.DefaultClient.CloseIdleConnections()
	if err != nil {
		tail := logTail(logFile.Name())
		return nil, errors.Join(fmt.Errorf("embedded PostgreSQL: %w\n%s", err, tail), clean())
	}
	return &cluster{
		conn:     fmt.Sprintf("host=127.0.0.1 port=%d user=postgres password=postgres sslmode=disable", port),
		shutdown: func() error { return errors.Join(pg.Stop(), clean()) },
	}, nil
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
