package main

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/watch"
)

// settings is the configuration of a command, parsed and checked.
type settings struct {
	supabaseURL   *url.URL
	key           *supabase.Key
	localDB       string
	roots         []hashindex.Root
	queueDB       string
	pattern       watch.Pattern
	batchSize     int
	flushInterval time.Duration
	queueInterval time.Duration
	maxRetries    int
	table, schema string
	conflict      store.ConflictSetting
	hash          hashindex.Algorithm
	pcID          string
	maxFileSize   int64
	httpTimeout   time.Duration
	fullReaders   int
	schedules     reconcile.Schedules
	hotScans      reconcile.HotScans
	superseded    string
	logLevel      string
	logFormat     string
	logFile       string
}

// setting ties one setting to its environment variables and its flag.
type setting struct {
	env      []string // the first is the one that the documentation names
	flag     string   // empty for secrets: flags show in process lists
	usage    string
	preset   string                       // default
	expected string                       // what a value must be, to follow "expected"
	parse    func(*settings, string) bool // nil for the key

	emptyIsOff bool // an empty value is a value, not the lack of one
}

// The groups of settings, by what a command needs.
var (
	remoteSettings = []setting{
		{
			env: []string{"GFX_SYNC_SUPABASE_URL"}, flag: "supabase-url", usage: "URL of the Supabase project",
			expected: "a URL as https://PROJECT.supabase.co (http:// only to this machine), without user, query or fragment",
			parse:    func(s *settings, v string) bool { s.supabaseURL = parseProjectURL(v); return s.supabaseURL != nil },
		},
		{
			env:   []string{"GFX_SYNC_SUPABASE_SERVICE_KEY", "GFX_SYNC_SUPABASE_SECRET_KEY", "GFX_SYNC_SUPABASE_KEY"},
			usage: "secret or service_role key of the project", // parsed by parseKey, whose errors never show it
		},
		{
			env: []string{"GFX_SYNC_LOCAL_DB"}, flag: "local", usage: "a SQLite file that holds gfx_sessions, instead of Supabase",
			expected: "the path of a file",
			parse:    func(s *settings, v string) bool { return parsePath(&s.localDB, v) && !isFolder(s.localDB) },
		},
		{
			env: []string{"GFX_SYNC_TABLE"}, flag: "table", usage: "name of the table", preset: "gfx_sessions",
			expected: "the name of a table, of up to 55 letters, digits and underscores", // the views' names are longer by eight
			parse:    func(s *settings, v string) bool { s.table = v; return isIdentifier(v) && len(v) <= 55 },
		},
		{
			env: []string{"GFX_SYNC_SCHEMA"}, flag: "schema", usage: "schema of the table", preset: "public",
			expected: "the name of a schema, of letters, digits and underscores",
			parse:    func(s *settings, v string) bool { s.schema = v; return isIdentifier(v) },
		},
		{
			env: []string{"GFX_SYNC_ON_CONFLICT"}, flag: "on-conflict",
			usage: "columns of the table's unique constraint; auto finds out", preset: "auto",
			expected: "auto, file_hash, gfx_pc_id,file_hash or session_id",
			parse: func(s *settings, v string) bool {
				var err error
				s.conflict, err = store.ParseConflictSetting(v)
				return err == nil
			},
		},
		{
			env: []string{"GFX_SYNC_HTTP_TIMEOUT"}, flag: "http-timeout", usage: "how long a request may take", preset: "30",
			expected: durationExpected + ", up to 10m",
			parse: func(s *settings, v string) bool {
				return parseDuration(&s.httpTimeout, v, 100*time.Millisecond, 10*time.Minute)
			},
		},
	}
	fileSettings = []setting{
		{
			env: []string{"GFX_SYNC_GFX_WATCH_PATH"}, flag: "watch", usage: "the folder that PokerGFX writes to; several as PC01=/nas/PC01;PC02=/nas/PC02",
			preset: onWindows("C:/GFX/output", ""), expected: rootsExpected,
			parse: func(s *settings, v string) bool { return parseRoots(&s.roots, v) },
		},
		{
			env: []string{"GFX_SYNC_FILE_PATTERN"}, flag: "pattern", usage: "names of the files to sync", preset: "*.json",
			expected: "a pattern of file names as *.json, without folders",
			parse: func(s *settings, v string) bool {
				var err error
				s.pattern, err = watch.ParsePattern(v)
				return err == nil
			},
		},
		{
			env: []string{"GFX_SYNC_HASH"}, flag: "hash", usage: "how files are hashed: xxh3 or sha256", preset: "xxh3", expected: "xxh3 or sha256",
			parse: func(s *settings, v string) bool {
				var err error
				s.hash, err = hashindex.ParseAlgorithm(v)
				return err == nil
			},
		},
		{
			env: []string{"GFX_SYNC_PC_ID"}, flag: "pc-id", usage: "name of this PC in the table", preset: hostname(), expected: "a name of up to 200 bytes",
			parse: func(s *settings, v string) bool { s.pcID = v; return len(v) <= 200 },
		},
		{
			env: []string{"GFX_SYNC_MAX_FILE_SIZE"}, flag: "max-file-size", usage: "larger files are invalid", preset: "64MiB",
			expected: "a size as 64MiB or a number of bytes, from 1KiB to 256MiB",
			parse:    func(s *settings, v string) bool { return parseSize(&s.maxFileSize, v, 1<<10, 256<<20) },
		},
	}
	deliverySettings = []setting{
		{
			env: []string{"GFX_SYNC_BATCH_SIZE"}, flag: "batch-size", usage: "records in a request", preset: "500",
			expected: "a whole number from 1 to 10000",
			parse:    func(s *settings, v string) bool { return parseInt(&s.batchSize, v, 1, 10000) },
		},
		{
			env: []string{"GFX_SYNC_FLUSH_INTERVAL"}, flag: "flush-interval", usage: "how long a modified file waits for others", preset: "5.0",
			expected: durationExpected + ", up to 1h",
			parse: func(s *settings, v string) bool {
				return parseDuration(&s.flushInterval, v, time.Millisecond, time.Hour)
			},
		},
		{
			env: []string{"GFX_SYNC_QUEUE_PROCESS_INTERVAL"}, flag: "queue-process-interval", usage: "how often the offline queue is tried", preset: "60",
			expected: durationExpected + ", up to 24h",
			parse: func(s *settings, v string) bool {
				return parseDuration(&s.queueInterval, v, time.Millisecond, 24*time.Hour)
			},
		},
		{
			env: []string{"GFX_SYNC_MAX_RETRIES"}, flag: "max-retries", usage: "refusals after which a record is dead", preset: "5",
			expected: "a whole number from 1 to 1000",
			parse:    func(s *settings, v string) bool { return parseInt(&s.maxRetries, v, 1, 1000) },
		},
	}
	passSettings = []setting{
		{
			env: []string{"GFX_SYNC_FULL_READERS"}, flag: "full-readers", usage: "files that a full pass reads at a time", preset: "2",
			expected: "a whole number from 1 to 64",
			parse:    func(s *settings, v string) bool { return parseInt(&s.fullReaders, v, 1, 64) },
		},
		{
			env: []string{"GFX_SYNC_SUPERSEDED"}, flag: "superseded", usage: "keep or delete rows of older versions of a file", preset: "keep",
			expected: "keep or delete",
			parse:    func(s *settings, v string) bool { return parseWord(&s.superseded, v, "keep", "delete") },
		},
	}
	scheduleSettings = []setting{
		{
			env: []string{"GFX_SYNC_SCAN_SCHEDULE"}, flag: "scan-schedule", usage: "when to compare the folder with the index", preset: "@every 30s",
			emptyIsOff: true, expected: scheduleExpected,
			parse: func(s *settings, v string) bool { return parseSchedule(&s.schedules.Scan, v) },
		},
		{
			env: []string{"GFX_SYNC_RECONCILE_SCHEDULE"}, flag: "reconcile-schedule", usage: "when to compare with the remote too", preset: "@every 10m",
			emptyIsOff: true, expected: scheduleExpected,
			parse: func(s *settings, v string) bool { return parseSchedule(&s.schedules.Quick, v) },
		},
		{
			env: []string{"GFX_SYNC_FULL_SCHEDULE"}, flag: "full-schedule", usage: "when to hash every file anew too", preset: "0 5 * * *",
			emptyIsOff: true, expected: scheduleExpected,
			parse: func(s *settings, v string) bool { return parseSchedule(&s.schedules.Full, v) },
		},
	}
	stateSettings = []setting{
		{
			env: []string{"GFX_SYNC_QUEUE_DB_PATH"}, flag: "queue-db", usage: "the SQLite file of hash index and offline queue", preset: defaultQueueDB(),
			expected: "the path of a file",
			parse:    func(s *settings, v string) bool { return parsePath(&s.queueDB, v) && !isFolder(s.queueDB) },
		},
	}
	logSettings = []setting{
		{
			env: []string{"GFX_SYNC_LOG_LEVEL"}, flag: "log-level", usage: "debug, info, warn or error", preset: "info",
			expected: "debug, info, warn or error",
			parse:    func(s *settings, v string) bool { return parseWord(&s.logLevel, v, "debug", "info", "warn", "error") },
		},
		{
			env: []string{"GFX_SYNC_LOG_FORMAT"}, flag: "log-format", usage: "text or json", preset: "text", expected: "text or json",
			parse: func(s *settings, v string) bool { return parseWord(&s.logFormat, v, "text", "json") },
		},
		{
			env: []string{"GFX_SYNC_LOG_FILE"}, flag: "log-file", usage: "log there, rotating at 10 MiB, instead of to standard error",
			expected: "the path of a file",
			parse:    func(s *settings, v string) bool { return parsePath(&s.logFile, v) && !isFolder(s.logFile) },
		},
	}
)

const scheduleExpected = "five cron fields, @every DURATION, @hourly, @daily …, or nothing for never"

// quietLogSettings are those of commands that print what they find: their log shows what is wrong, unless more is asked for.
var quietLogSettings = append([]setting{withPreset(logSettings[0], "warn")}, logSettings[1:]...)

func withPreset(s setting, preset string) setting {
	s.preset = preset
	return s
}

const durationExpected = "seconds (5.0) or a duration (5s, 1m30s), above 0"

func onWindows(there, elsewhere string) string {
	if runtime.GOOS == "windows" {
		return there
	}
	return elsewhere
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

func defaultQueueDB() string {
	if runtime.GOOS == "windows" {
		return "C:/GFX/sync_queue/pending.db"
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // the XDG Base Directory Specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "gfxsync", "pending.db")
}

// parseProjectURL returns nil for a URL that the key must not be sent to.
func parseProjectURL(v string) *url.URL {
	u, err := url.Parse(v)
	if err != nil || mayHoldKey(v) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/rest/v1")
	return u
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func parsePath(into *string, v string) bool {
	if strings.TrimSpace(v) == "" || strings.ContainsRune(v, 0) || runtime.GOOS == "windows" && !mayBeWindowsPath(v) {
		return false
	}
	abs, err := filepath.Abs(v)
	*into = abs
	return err == nil
}

func isFile(path string) bool {
	return answered(func() bool {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	}, false)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isIdentifier(v string) bool {
	return len(v) <= 63 && v != "" && !strings.ContainsFunc(v, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func parseInt(into *int, v string, least, most int) bool {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	*into = n
	return err == nil && n >= least && n <= most
}

func parseDuration(into *time.Duration, v string, least, most time.Duration) bool {
	v = strings.TrimSpace(v)
	d, err := time.ParseDuration(v)
	if seconds, ferr := strconv.ParseFloat(v, 64); ferr == nil && math.Abs(seconds) < 1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	*into = d
	return err == nil && d >= least && d <= most
}

func parseSize(into *int64, v string, least, most uint64) bool {
	n, err := humanize.ParseBytes(v)
	if err != nil || n < least || n > most {
		return false
	}
	*into = int64(n)
	return true
}

func parseSchedule(into *reconcile.Schedule, v string) bool {
	var err error
	*into, err = reconcile.ParseSchedule(strings.TrimSpace(v))
	return err == nil
}

func parseWord(into *string, v string, words ...string) bool {
	v = strings.ToLower(strings.TrimSpace(v))
	*into = v
	for _, w := range words {
		if v == w {
			return true
		}
	}
	return false
}

// parseKey is apart from the table: its error is the key's own, and its value is never shown.
func parseKey(s *settings, variable, v string) error {
	key, err := supabase.ParseKey(v)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	s.key = &key
	return nil
}
