package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// withKey writes the key wherever the fuzzer writes KEY.
func withKey(s string) string { return strings.ReplaceAll(s, "KEY", testKey) }

// oddValues are what somebody might put into a setting.
var oddValues = []string{
	"", " ", "0", "-1", "5.0", "1e9", "1e-9", "NaN", "Inf", "-Inf", "1m30s", "9223372036854775807", "9223372036854775807ns", "2562047h", "64MiB", "1e30GB", "-1KiB", "64 mib",
	"https://project.supabase.co", "http://127.0.0.1:1/rest/v1/", "http://[::1]", "http://127.0.0.1@evil.example", "https://KEY@project.supabase.co", "https://a?apikey=KEY",
	"http://localhost.evil.example", "https://", "HTTPS://X", "https://a/%zz", "http://[fe80::1%25en0]", "http://127.1", "http://0x7f.1", "://", "javascript:alert(1)",
	"@every 30s", "@every -1s", "@every 0", "@every 9999999h", "0 5 * * *", "CRON_TZ=Asia/Seoul 0 5 * * *", "CRON_TZ=", "TZ=../../etc/passwd * * * * *", "CRON_TZ=KEY * * * * *",
	"* * * * * *", "*/0 * * * *", "0-99999999999 * * * *", "30 2 30 2 *", "@reboot", "@KEY", "*.json", "[", "a/b", "C:\\GFX\\output", "//NAS/gfx", "/dev/null", "/", "..", "\x00", "a\x00b",
	"KEY", "x KEY", "\xff\xfe", "한글", "file_hash", "gfx_pc_id, file_hash", "xxh3", "SHA256", "debug", "json", "keep", "delete", "gfx_sessions;drop table", "eyJhbGciOiJub25lIn0.e30.",
	strings.Repeat("9", 400), strings.Repeat("a", 300), "1_000", "0x10", "+5",
}

// FuzzSettings gives a setting any value at all, by environment or flag.
func FuzzSettings(f *testing.F) {
	for i, v := range oddValues {
		f.Add(uint8(i), i%2 == 0, v)
	}
	f.Fuzz(checkSetting)
}

func TestSettingsTakeOrRefuseAnyValue(t *testing.T) {
	for which := range slices.Concat(runGroups...) {
		for i, v := range oddValues {
			checkSetting(t, uint8(which), i%2 == 0, v)
		}
	}
}

// checkSetting fails unless the value is taken within its bounds, or refused with a message that names the setting and never shows a key.
func checkSetting(t *testing.T, which uint8, byFlag bool, value string) {
	t.Helper()
	all := slices.Concat(runGroups...)
	one := all[int(which)%len(all)]
	value = withKey(value)
	env, args, name := environment{}, []string(nil), one.env[0]
	if byFlag && one.flag != "" {
		name = "--" + one.flag
		args = []string{name + "=" + value}
	} else {
		env[name] = value
	}
	s, err := configured(t, env, args...)
	if err == nil {
		checkBounds(t, s)
		err = s.validate()
	} else if !strings.Contains(err.Error(), name) {
		t.Errorf("%v: which setting is it?", err)
	}
	if err == nil {
		return
	}
	if text := err.Error(); strings.Contains(text, testKey) || strings.ContainsAny(text, "\r\n") {
		t.Errorf("the error shows the key, or takes several lines: %q", text)
	}
}

func checkBounds(t *testing.T, s *settings) {
	t.Helper()
	for _, d := range []time.Duration{s.flushInterval, s.queueInterval, s.httpTimeout} {
		if d < time.Millisecond || d > 24*time.Hour {
			t.Errorf("a duration of %v", d)
		}
	}
	if s.maxFileSize < 1<<10 || s.maxFileSize > 256<<20 || s.batchSize < 1 || s.maxRetries < 1 || s.maxRetries > math.MaxInt32 || s.fullReaders < 1 {
		t.Errorf("settings out of bounds: %+v", s)
	}
	if u := s.supabaseURL; u != nil && (u.User != nil || u.RawQuery != "" || u.Scheme != "https" && !isLoopback(u.Hostname())) {
		t.Errorf("the key would go to %s", u)
	}
	paths := []string{s.queueDB, s.localDB, s.logFile}
	for _, root := range s.roots {
		paths = append(paths, root.Dir)
	}
	for _, path := range paths {
		if path != "" && !filepath.IsAbs(path) {
			t.Errorf("the path %q depends on where one is", path)
		}
	}
}

// FuzzEnvFile reads any file at all as --env-file.
func FuzzEnvFile(f *testing.F) {
	for _, text := range []string{
		"", "\ufeff", "GFX_SYNC_PC_ID=pc-1\r\n", "export GFX_SYNC_PC_ID='pc 1'\n", `GFX_SYNC_QUEUE_DB_PATH="C:\a\new.db"`, "GFX_SYNC_SUPABASE_SERVICE_KEY=KEY\n",
		`GFX_SYNC_SUPABASE_SERVICE_KEY="KEY`, "GFX_SYNC_SUPABASE_SERVICE_KEY KEY\n", "KEY=KEY\n", "KEY", "=KEY", "GFX_SYNC_SUPABASE_URL=https://KEY@x\n", "GFX_SYNC_LOG_LEVEL=KEY\n",
		"A=${B}\nB=${A}\n", "A=$A$A$A$A", "A=$(rm -rf /)", "A=`KEY`", "\xff\xfeG\x00F\x00X\x00KEY", "A='", "A=\"\\", "A=\\", "#KEY\nA", "A: KEY", "\x00=KEY", strings.Repeat("A=1\n", 1000),
		"GFX_SYNC_TABLE=\"gfx\nGFX_SYNC_SUPABASE_KEY=KEY\"\n", "GFX_SYNC_BATCH_SIZE=KEY # KEY\n", "GFX_SYNC_SUPABASE_KEY=x${GFX_SYNC_SUPABASE_KEY}KEY\n",
	} {
		f.Add(text)
	}
	name := filepath.Join(f.TempDir(), "gfxsync.env")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(withKey(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := configured(t, environment{envFileVariable: name})
		if err == nil {
			checkBounds(t, s)
			err = s.validate()
		}
		if err != nil && (strings.Contains(err.Error(), testKey) || len(err.Error()) > 10_000+2*len(text)) {
			t.Errorf("the error shows the key, or everything: %q", err)
		}
	})
}
