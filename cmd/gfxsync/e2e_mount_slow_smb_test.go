//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// badRate is how many bytes in a second pass a bad line.
const badRate = 1_000_000

var smbBehindABadLine = mountKind{"SMB", func(t testing.TB) *mount {
	line := &slowLine{delay: 5 * time.Millisecond, rate: badRate}
	return smbMountBehind(t, func(address string) string { return line.front(t, address) })
}}

// slowLine stands in front of a server as a bad line to it would: whatever passes comes later, and not much at a time.
type slowLine struct {
	delay time.Duration // of each piece, in each direction
	rate  int           // bytes in a second, in each direction of each connection

	stop chan struct{}
	wg   sync.WaitGroup
}

// front starts the line until the end of the test, and returns its address.
func (l *slowLine) front(t testing.TB, server string) string {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", freePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	l.stop = make(chan struct{})
	t.Cleanup(func() {
		close(l.stop)
		listener.Close()
		l.wg.Wait()
	})
	l.wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			l.wg.Go(func() { l.serve(client, server) })
		}
	})
	return listener.Addr().String()
}

func (l *slowLine) serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		l.wg.Go(func() { l.pass(from, to); ended <- struct{}{} })
	}
	select {
	case <-ended:
	case <-l.stop:
	}
}

func (l *slowLine) pass(from, to net.Conn) {
	piece := make([]byte, 16<<10)
	for {
		n, err := from.Read(piece)
		late := time.NewTimer(l.delay + time.Duration(n)*time.Second/time.Duration(l.rate))
		select {
		case <-late.C:
		case <-l.stop:
			late.Stop()
			return
		}
		if _, werr := to.Write(piece[:n]); err != nil || werr != nil {
			return
		}
	}
}

// isBehindABadLine: behind a bad line all arrives, no other folder waits for it, and the agent stops in time while it
// reads what takes long.
func isBehindABadLine(t *testing.T, m *mount) {
	s, rows, plain := twoRoots(t, m)
	const files = 6
	for i := range files {
		writeFile(t, filepath.Join(m.under, fmt.Sprintf("%d/%d.json", i%2, i)), sample.New(890+i).Play(5).JSON())
	}
	s.start(append(scansOnly, "--no-watch")...)
	here := sample.New(880).Play(1).JSON()
	writeFile(t, filepath.Join(plain, "here.json"), here)
	rows.wait(here)
	s.waitStatus("all files synced", func(st *reconcile.Status) bool { return st.Synced == files+1 && st.Pending == 0 })
	late := sample.New(881).Play(3).JSON()
	writeFile(t, filepath.Join(m.under, "1/late.json"), late)
	rows.wait(late)

	large := filepath.Join(m.under, "large.json")
	writeFile(t, large, nil)
	const size = 60 << 20 // a minute
	begin := time.Now()
	if err := os.Truncate(large, size); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the large file is being read", func() bool { return openFiles(s.agent.Process.Pid, "large") > 0 })
	here = sample.New(882).Play(1).JSON()
	writeFile(t, filepath.Join(plain, "here too.json"), here)
	rows.wait(here)
	st := s.status()
	could := int(time.Since(begin).Seconds() * badRate)
	if could < size && (st.Synced != files+3 || st.Gone != 0 || st.Invalid != 0) {
		t.Errorf("status says %+v, want all but the large file synced", st)
	}
	s.stop()
}
