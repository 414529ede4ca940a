package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

const testKey = "sb_secret_0123456789abcdefghijkl"

// fakeJWT looks as a legacy key of the role does.
func fakeJWT(role string) string { return fakeJWTUntil(role, 4102444800) }

// fakeJWTUntil expires at a time, in seconds since 1970.
func fakeJWTUntil(role string, expires int64) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"HS256","typ":"JWT"}`) + "." +
		part(fmt.Sprintf(`{"iss":"supabase","ref":"project","role":%q,"exp":%d}`, role, expires)) + "." + part("signature")
}

// runSettings is an environment with which an agent could run, in folders of its own.
func runSettings(t *testing.T) environment {
	dir := t.TempDir()
	watchPath := filepath.Join(dir, "watch")
	if err := os.Mkdir(watchPath, 0o755); err != nil {
		t.Fatal(err)
	}
	return environment{
		"GFX_SYNC_SUPABASE_URL":         "https://project.supabase.co",
		"GFX_SYNC_SUPABASE_SERVICE_KEY": testKey,
		"GFX_SYNC_GFX_WATCH_PATH":       watchPath,
		"GFX_SYNC_QUEUE_DB_PATH":        filepath.Join(dir, "state", "pending.db"),
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env, flag string
		values    []string
		expected  string
	}{
		{
			"GFX_SYNC_SUPABASE_URL", "supabase-url",
			[]string{
				"project.supabase.co", "project", "ftp://project.supabase.co", "https://", "http://project.supabase.co", "http://10.0.0.7:8000",
				"http://127.0.0.1.example.com", "http://localhost.example.com", "https://project.supabase.co?apikey=1", "https://project.supabase.co#x", "http://[::1",
			},
			"https://PROJECT.supabase.co",
		},
		{"GFX_SYNC_LOCAL_DB", "local", []string{"a\x00b"}, "the path of a file"},
		{"GFX_SYNC_GFX_WATCH_PATH", "watch", []string{file, "a\x00b"}, "the path of a folder"},
		{"GFX_SYNC_QUEUE_DB_PATH", "queue-db", []string{dir, "a\x00b"}, "the path of a file"},
		{"GFX_SYNC_LOG_FILE", "log-file", []string{dir}, "the path of a file"},
		{"GFX_SYNC_FILE_PATTERN", "pattern", []string{"sub/*.json", "/*.json", "[a-.json", "[", `*.json\`}, "a pattern of file names as *.json"},
		{"GFX_SYNC_BATCH_SIZE", "batch-size", []string{"0", "-1", "many", "10001", "1.5", "1e3", "99999999999999999999"}, "a whole number from 1 to 10000"},
		{"GFX_SYNC_MAX_RETRIES", "max-retries", []string{"0", "-5", "1001", "often"}, "a whole number from 1 to 1000"},
		{"GFX_SYNC_FLUSH_INTERVAL", "flush-interval", wrongDurations("61m"), "seconds (5.0) or a duration (5s, 1m30s), above 0"},
		{"GFX_SYNC_QUEUE_PROCESS_INTERVAL", "queue-process-interval", wrongDurations("25h"), "seconds (5.0) or a duration (5s, 1m30s), above 0"},
		{"GFX_SYNC_HTTP_TIMEOUT", "http-timeout", wrongDurations("11m", "0.05"), "seconds (5.0) or a duration (5s, 1m30s), above 0"},
		{"GFX_SYNC_HASH", "hash", []string{"md5", "sha-512", "xxh3,sha256"}, "xxh3 or sha256"},
		{"GFX_SYNC_MAX_FILE_SIZE", "max-file-size", []string{"huge", "64 apples", "-1", "0", "1023", "257MiB", "1e30"}, "a size as 64MiB or a number of bytes, from 1KiB to 256MiB"},
		{"GFX_SYNC_PC_ID", "pc-id", []string{strings.Repeat("x", 201)}, "a name of up to 200 bytes"},
		{
			"GFX_SYNC_TABLE", "table",
			[]string{`gfx"sessions`, "gfx'sessions", "gfx_sessions; drop table x", "public.gfx_sessions", "gfx-sessions", "경기", strings.Repeat("t", 56)},
			"the name of a table, of up to 55 letters, digits and underscores",
		},
		{"GFX_SYNC_SCHEMA", "schema", []string{`pub"lic`, "pub'lic", "a b"}, "the name of a schema, of letters, digits and underscores"},
		{"GFX_SYNC_LOG_LEVEL", "log-level", []string{"loud", "warning!", "7"}, "debug, info, warn or error"},
		{"GFX_SYNC_LOG_FORMAT", "log-format", []string{"xml"}, "text or json"},
		{"GFX_SYNC_SCAN_SCHEDULE", "scan-schedule", []string{"sometimes", "@every", "* * *", "61 * * * *"}, "five cron fields"},
		{"GFX_SYNC_RECONCILE_SCHEDULE", "reconcile-schedule", []string{"sometimes"}, "five cron fields"},
		{"GFX_SYNC_FULL_SCHEDULE", "full-schedule", []string{"0 25 * * *"}, "five cron fields"},
	} {
		for _, value := range c.values {
			t.Run(c.env+"="+value, func(t *testing.T) {
				_, byVariable := configured(t, runSettings(t).with(environment{c.env: value}))
				_, byFlag := configured(t, runSettings(t), "--"+c.flag+"="+value)
				for name, err := range map[string]error{c.env: byVariable, "--" + c.flag: byFlag} {
					want := name + " is " + quoteValue(value) + ": expected "
					if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.expected) {
						t.Errorf("%v; want it to say %s… %s", err, want, c.expected)
					}
				}
			})
		}
	}
}

func wrongDurations(more ...string) []string {
	return append([]string{"-5", "-5s", "0", "0s", "0.0", "soon", "5 s", "NaN", "Inf", "1e300", "1e-10", "5d"}, more...)
}

// Every wrong value that is shown at all is shown as it was given: the tables above rest on quoteValue.
func TestWrongValuesAreShown(t *testing.T) {
	for value, want := range map[string]string{
		"many": `"many"`, "-1": `"-1"`, "": `""`, "a\nb": `"a\nb"`, `gfx"s`: "`gfx\"s`", `C:\GFX"`: "`C:\\GFX\"`", "`\"": `"` + "`" + `\""`, "@every": `"@every"`, "http://10.0.0.7:8000": `"http://10.0.0.7:8000"`,
		"https://user:secret@host": "(not shown)", "user:secret@host": "(not shown)", testKey: "(not shown)", "x" + fakeJWT("anon"): "(not shown)",
	} {
		if got := quoteValue(value); got != want {
			t.Errorf("quoteValue(%q) is %s, want %s", value, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for given, want := range map[string]time.Duration{
		"5": 5 * time.Second, "5.0": 5 * time.Second, "5s": 5 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond,
		"0.25": 250 * time.Millisecond, "90": 90 * time.Second, " 5 ": 5 * time.Second, "0.001": time.Millisecond, "1h": time.Hour,
	} {
		for _, flag := range []string{"--flush-interval", "--queue-process-interval"} {
			s, err := configured(t, runSettings(t), flag, given)
			if err != nil {
				t.Error(err)
				continue
			}
			if got := map[string]time.Duration{"--flush-interval": s.flushInterval, "--queue-process-interval": s.queueInterval}[flag]; got != want {
				t.Errorf("%s %q is %v, want %v", flag, given, got, want)
			}
		}
	}
	if s, err := configured(t, runSettings(t), "--http-timeout", "250ms"); err != nil || s.httpTimeout != 250*time.Millisecond {
		t.Errorf("--http-timeout 250ms: %v, %v", s, err)
	}
}

func TestSizes(t *testing.T) {
	for given, want := range map[string]int64{
		"64MiB": 64 << 20, "1048576": 1 << 20, "64 MiB": 64 << 20, "1MB": 1e6, "1.5MiB": 3 << 19, "1024": 1024, "256MiB": 256 << 20,
	} {
		s, err := configured(t, runSettings(t), "--max-file-size", given)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.maxFileSize != want {
			t.Errorf("%q is %d, want %d", given, s.maxFileSize, want)
		}
	}
}

func TestLimitsAreAllowed(t *testing.T) {
	s, err := configured(t, runSettings(t), "--batch-size", "10000", "--max-retries", "1", "--table", strings.Repeat("t", 55), "--log-level", "WARN",
		"--pattern", "PGFX_[0-9]*.json", "--hash", "sha256")
	if err != nil {
		t.Fatal(err)
	}
	if s.batchSize != 10000 || s.maxRetries != 1 || len(s.table) != 55 || s.logLevel != "warn" || s.pattern.String() != "PGFX_[0-9]*.json" || s.hash != hashindex.SHA256 {
		t.Errorf("settings: %+v", s)
	}
}

func TestDefaults(t *testing.T) {
	env := runSettings(t)
	s, err := configured(t, env)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]any{
		"local":                  {s.localDB, ""},
		"pattern":                {s.pattern.String(), "*.json"},
		"batch size":             {s.batchSize, 500},
		"flush interval":         {s.flushInterval, 5 * time.Second},
		"queue process interval": {s.queueInterval, time.Minute},
		"max retries":            {s.maxRetries, 5},
		"scan schedule":          {s.schedules.Scan.String(), "@every 30s"},
		"reconcile schedule":     {s.schedules.Quick.String(), "@every 10m"},
		"full schedule":          {s.schedules.Full.String(), "0 5 * * *"},
		"table":                  {s.table, "gfx_sessions"},
		"schema":                 {s.schema, "public"},
		"hash":                   {s.hash, hashindex.XXH3},
		"PC":                     {s.pcID, host},
		"max file size":          {s.maxFileSize, int64(64 << 20)},
		"HTTP timeout":           {s.httpTimeout, 30 * time.Second},
		"log level":              {s.logLevel, "info"},
		"log format":             {s.logFormat, "text"},
		"log file":               {s.logFile, ""},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestSchedulesCanBeSwitchedOff(t *testing.T) {
	off := environment{"GFX_SYNC_SCAN_SCHEDULE": "", "GFX_SYNC_RECONCILE_SCHEDULE": " "}
	s, err := configured(t, runSettings(t).with(off), "--full-schedule=")
	if err != nil {
		t.Fatal(err)
	}
	if scan, quick, full := s.schedules.Scan.String(), s.schedules.Quick.String(), s.schedules.Full.String(); scan+quick+full != "" {
		t.Errorf("schedules are %q, %q and %q, want none", scan, quick, full)
	}
}

func TestWhereTheQueueDatabaseIsByDefault(t *testing.T) {
	if runtime.GOOS == "windows" {
		if got := defaultQueueDB(); got != "C:/GFX/sync_queue/pending.db" {
			t.Errorf("it is %s", got)
		}
		return
	}
	t.Setenv("HOME", "/home/gfx")
	for given, want := range map[string]string{
		"": "/home/gfx/.local/state/gfxsync/pending.db", "state": "/home/gfx/.local/state/gfxsync/pending.db", "/var/state": "/var/state/gfxsync/pending.db",
	} {
		t.Setenv("XDG_STATE_HOME", given)
		if got := defaultQueueDB(); got != want {
			t.Errorf("with XDG_STATE_HOME=%s it is %s, want %s", given, got, want)
		}
	}
}

func TestTheLogFollowsItsSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gfxsync.log")
	for name, c := range map[string]struct {
		settings settings
		want     string // in the log
		not      string
	}{
		"info":  {settings{logLevel: "info", logFormat: "text"}, "msg=told", "whispered"},
		"debug": {settings{logLevel: "debug", logFormat: "text"}, "msg=whispered", "{"},
		"error": {settings{logLevel: "error", logFormat: "text"}, "msg=shouted", "told"},
		"json":  {settings{logLevel: "info", logFormat: "json"}, `"msg":"told"`, "whispered"},
		"file":  {settings{logLevel: "info", logFormat: "text", logFile: file}, "msg=told", "whispered"},
	} {
		var stderr bytes.Buffer
		p := &program{stderr: &stderr}
		log, closeLog := p.logger(&c.settings)
		log.Debug("whispered")
		log.Info("told")
		log.Error("shouted")
		if err := closeLog(); err != nil {
			t.Error(err)
		}
		got := stderr.String()
		if c.settings.logFile != "" {
			content, err := os.ReadFile(file)
			if err != nil || got != "" {
				t.Errorf("%s: %v; standard error has %q", name, err, got)
			}
			got = string(content)
		}
		if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
			t.Errorf("%s: the log is %q", name, got)
		}
	}
}
