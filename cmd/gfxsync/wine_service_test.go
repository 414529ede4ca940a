//go:build wine && linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// TestAServiceOfWine is installed, works, waits while a setting is wrong, and is removed. Wine knows no delayed start,
// no recovery and no accounts of services: of these are the tests with a service manager of their own.
func TestAServiceOfWine(t *testing.T) {
	s, folder := onDriveC(t)
	onDrive := func(path string) string { return `C:\` + folder + `\` + path }
	settings := filepath.Join(driveC(), folder, "gfxsync.env")
	write := func(lines ...string) {
		t.Helper()
		lines = append(lines, "GFX_SYNC_LOCAL_DB="+onDrive(`state\table.db`))
		if err := os.WriteFile(settings, []byte(strings.Join(lines, "\r\n")+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	service := func(code int, args ...string) string {
		t.Helper()
		out, err := s.command(append([]string{"service"}, args...)...).CombinedOutput()
		if got := exitCode(err); got != code {
			t.Fatalf("service %q: exit code %d, want %d\n%s", args, got, code, out)
		}
		return string(out)
	}
	service(exitRemain, "status")
	write()
	install := []string{
		"install", "--env-file", onDrive("gfxsync.env"), "--watch", onDrive("방송 output"),
		"--queue-db", onDrive(`sync queue\pending.db`),
	}
	if plan := service(exitOK, append(install, "--print")...); !strings.Contains(plan, `NT SERVICE\gfxsync`) {
		t.Errorf("the plan is %s", plan)
	}
	service(exitRemain, "status") // nothing was installed
	service(exitOK, install...)
	t.Cleanup(func() { _ = s.command("service", "uninstall").Run() })
	service(exitOK, "status")
	content := sample.New(1).Play(1).JSON()
	if err := os.WriteFile(filepath.Join(s.watch, "a.json"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	synced := func(n int) func(*reconcile.Status) bool {
		return func(st *reconcile.Status) bool { return st.AgentRunning && st.Synced == n }
	}
	s.waitStatus("the service has sent the file", synced(1))

	write("GFX_SYNC_BATCH_SIZE=x")
	service(exitOK, "restart")
	for range 2 { // log-offs, of which services are told
		if out, err := exec.Command("wine", windowsHelper, "logoff", "gfxsync").CombinedOutput(); err != nil {
			t.Errorf("log off: %v\n%s", err, out)
		}
	}
	said := service(exitRemain, "status")
	if !strings.Contains(said, "waits") || !strings.Contains(said, "BATCH_SIZE") {
		t.Errorf("a setting is wrong, and the status is %s", said)
	}
	if err := os.WriteFile(filepath.Join(s.watch, "b.json"), sample.New(2).Play(1).JSON(), 0o644); err != nil {
		t.Fatal(err)
	}
	write()
	s.waitStatus("the service has noticed that it is mended", synced(2))
	service(exitOK, "status")

	service(exitOK, "stop")
	service(exitRemain, "status")
	if said := service(exitOK, "uninstall"); !strings.Contains(said, onDrive(`sync queue\pending.db`)) {
		t.Errorf("removed: %s", said)
	}
	service(exitRemain, "status")
	for _, key := range []string{`Services\gfxsync`, `Services\EventLog\Application\gfxsync`} {
		query := exec.Command("wine", "reg", "query", `HKLM\SYSTEM\CurrentControlSet\`+key)
		if out, err := query.CombinedOutput(); err == nil {
			t.Errorf("left behind: %s", out)
		}
	}
}
