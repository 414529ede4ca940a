package main

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/watch"
)

// settings are the parsed settings of a command.
type settings struct {
	envFile       *envfile.File // nil if there is none
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

// setting is one setting with its environment variables and its flag.
type setting struct {
	category   string   // under which help lists it
	env        []string // the first is the one in the documentation
	flag       string   // empty for secrets, because process lists show flags
	usage      string
	preset     string // the default
	presetText string // the default as the manual page tells it, if it depends on the machine
	emptyIsOff bool   // an empty value switches something off, and does not mean the default
	value             // none for the key, which parseKey parses
}

// Each command takes the groups of settings that it needs.
var (
	remoteSettings = inCategory("Supabase", []setting{
		{
			env: []string{"GFX_SYNC_SUPABASE_URL"}, flag: "supabase-url", usage: "URL of the Supabase project",
			value: parsed(func(s *settings) **url.URL { return &s.supabaseURL }, parseProjectURL, "a URL as "+
				"https://PROJECT.supabase.co (http:// only to this machine), without user, query or fragment"),
		},
		{
			env:   []string{"GFX_SYNC_SUPABASE_SERVICE_KEY", "GFX_SYNC_SUPABASE_SECRET_KEY", "GFX_SYNC_SUPABASE_KEY"},
			usage: "secret or service_role key of the project",
		},
		{
			env: []string{"GFX_SYNC_LOCAL_DB"}, flag: "local",
			usage: "a SQLite file that holds gfx_sessions, instead of Supabase",
			value: filePath(func(s *settings) *string { return &s.localDB }),
		},
		{
			env: []string{"GFX_SYNC_TABLE"}, flag: "table", usage: "name of the table", preset: "gfx_sessions",
			// The names of the views are 8 bytes longer, and an identifier of PostgreSQL has at most 63 bytes.
			value: text(func(s *settings) *string { return &s.table },
				func(v string) bool { return isIdentifier(v) && len(v) <= 55 },
				"the name of a table, of up to 55 letters, digits and underscores"),
		},
		{
			env: []string{"GFX_SYNC_SCHEMA"}, flag: "schema", usage: "schema of the table", preset: "public",
			value: text(func(s *settings) *string { return &s.schema }, isIdentifier,
				"the name of a schema, of letters, digits and underscores"),
		},
		{
			env: []string{"GFX_SYNC_ON_CONFLICT"}, flag: "on-conflict",
			usage: "columns of the table's unique constraint; auto finds out", preset: "auto",
			value: parsed(func(s *settings) *store.ConflictSetting { return &s.conflict }, store.ParseConflictSetting,
				"auto, file_hash, gfx_pc_id,file_hash or session_id"),
		},
		{
			env: []string{"GFX_SYNC_HTTP_TIMEOUT"}, flag: "http-timeout",
			usage: "how long a request may take", preset: "30s",
			value: duration(func(s *settings) *time.Duration { return &s.httpTimeout },
				100*time.Millisecond, 10*time.Minute, "10m"),
		},
	})
	fileSettings = inCategory("Files", []setting{
		{
			env: []string{"GFX_SYNC_GFX_WATCH_PATH"}, flag: "watch",
			usage:  "the folder that PokerGFX writes to; several as PC01=/nas/PC01;PC02=/nas/PC02",
			preset: onWindows("C:/GFX/output", ""), presetText: "C:/GFX/output on Windows",
			value: value{rootsExpected, func(s *settings, v string) bool { return parseRoots(&s.roots, v) }},
		},
		{
			env: []string{"GFX_SYNC_FILE_PATTERN"}, flag: "pattern",
			usage: "names of the files to sync", preset: "*.json",
			value: parsed(func(s *settings) *watch.Pattern { return &s.pattern }, watch.ParsePattern,
				"a pattern of file names as *.json, without folders"),
		},
		{
			env: []string{"GFX_SYNC_HASH"}, flag: "hash",
			usage: "how files are hashed: xxh3 or sha256", preset: "xxh3",
			value: parsed(func(s *settings) *hashindex.Algorithm { return &s.hash }, hashindex.ParseAlgorithm,
				"xxh3 or sha256"),
		},
		{
			env: []string{"GFX_SYNC_PC_ID"}, flag: "pc-id",
			usage: "name of this PC in the table", preset: hostname(), presetText: "the name of the machine",
			value: text(func(s *settings) *string { return &s.pcID },
				func(v string) bool { return len(v) <= 200 }, "a name of up to 200 bytes"),
		},
		{
			env: []string{"GFX_SYNC_MAX_FILE_SIZE"}, flag: "max-file-size",
			usage: "larger files are invalid", preset: "64MiB",
			value: size(func(s *settings) *int64 { return &s.maxFileSize }, 1<<10, 256<<20,
				"a size as 64MiB or a number of bytes, from 1KiB to 256MiB"),
		},
	})
	deliverySettings = inCategory("Delivery", []setting{
		{
			env: []string{"GFX_SYNC_BATCH_SIZE"}, flag: "batch-size", usage: "records in a request", preset: "500",
			value: number(func(s *settings) *int { return &s.batchSize }, 1, 10000),
		},
		{
			env: []string{"GFX_SYNC_FLUSH_INTERVAL"}, flag: "flush-interval",
			usage: "how long a modified file waits for others", preset: "5s",
			value: duration(func(s *settings) *time.Duration { return &s.flushInterval },
				time.Millisecond, time.Hour, "1h"),
		},
		{
			env: []string{"GFX_SYNC_QUEUE_PROCESS_INTERVAL"}, flag: "queue-process-interval",
			usage: "how often the offline queue is tried", preset: "1m",
			value: duration(func(s *settings) *time.Duration { return &s.queueInterval },
				time.Millisecond, 24*time.Hour, "24h"),
		},
		{
			env: []string{"GFX_SYNC_MAX_RETRIES"}, flag: "max-retries",
			usage: "refusals after which a record is dead", preset: "5",
			value: number(func(s *settings) *int { return &s.maxRetries }, 1, 1000),
		},
	})
	passSettings = inCategory("Passes", []setting{
		{
			env: []string{"GFX_SYNC_FULL_READERS"}, flag: "full-readers",
			usage: "files that a full pass reads at a time", preset: "2",
			value: number(func(s *settings) *int { return &s.fullReaders }, 1, 64),
		},
		{
			env: []string{"GFX_SYNC_SUPERSEDED"}, flag: "superseded",
			usage: "keep or delete rows of older versions of a file", preset: "keep",
			value: word(func(s *settings) *string { return &s.superseded }, "keep", "delete"),
		},
	})
	scheduleSettings = inCategory("Schedules", []setting{
		{
			env: []string{"GFX_SYNC_SCAN_SCHEDULE"}, flag: "scan-schedule",
			usage: "when to compare the folder with the index", preset: "@every 30s",
			emptyIsOff: true,
			value:      schedule(func(s *settings) *reconcile.Schedule { return &s.schedules.Scan }),
		},
		{
			env: []string{"GFX_SYNC_RECONCILE_SCHEDULE"}, flag: "reconcile-schedule",
			usage: "when to compare with the remote too", preset: "@every 10m",
			emptyIsOff: true,
			value:      schedule(func(s *settings) *reconcile.Schedule { return &s.schedules.Quick }),
		},
		{
			env: []string{"GFX_SYNC_FULL_SCHEDULE"}, flag: "full-schedule",
			usage: "when to hash every file anew too", preset: "0 5 * * *",
			emptyIsOff: true,
			value:      schedule(func(s *settings) *reconcile.Schedule { return &s.schedules.Full }),
		},
	})
	stateSettings = inCategory("Index and queue", []setting{
		{
			env: []string{"GFX_SYNC_QUEUE_DB_PATH"}, flag: "queue-db",
			usage: "the SQLite file of hash index and offline queue", preset: defaultQueueDB(),
			presetText: "named below FILES",
			value:      filePath(func(s *settings) *string { return &s.queueDB }),
		},
	})
	logSettings = inCategory("Log", []setting{
		{
			env: []string{"GFX_SYNC_LOG_LEVEL"}, flag: "log-level",
			usage: "debug, info, warn or error", preset: "info",
			value: word(func(s *settings) *string { return &s.logLevel }, "debug", "info", "warn", "error"),
		},
		{
			env: []string{"GFX_SYNC_LOG_FORMAT"}, flag: "log-format",
			usage: "text or json", preset: "text",
			value: word(func(s *settings) *string { return &s.logFormat }, "text", "json"),
		},
		{
			env: []string{"GFX_SYNC_LOG_FILE"}, flag: "log-file",
			usage: "log there, rotating at 10 MiB, instead of to standard error",
			value: filePath(func(s *settings) *string { return &s.logFile }),
		},
	})
)

// anywhere returns the default as it is on any machine.
func (s *setting) anywhere() string { return cmp.Or(s.presetText, s.preset) }

func inCategory(name string, group []setting) []setting {
	for i := range group {
		group[i].category = name
	}
	return group
}

// agentSettings are the settings of gfxsync run: all settings. The remote comes first.
var agentSettings = [][]setting{
	remoteSettings, fileSettings, deliverySettings, scheduleSettings, hotScanSettings, passSettings, stateSettings,
	logSettings,
}

// passCommandSettings are the settings of commands that make or compare one pass. These commands print what they find,
// so their log has only warnings by default.
var passCommandSettings = [][]setting{
	remoteSettings, fileSettings, deliverySettings, passSettings, stateSettings, quietLogSettings(),
}

func quietLogSettings() []setting {
	quiet := slices.Clone(logSettings)
	quiet[0].preset = "warn"
	return quiet
}

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
	if !filepath.IsAbs(dir) { // the XDG Base Directory Specification says to ignore relative paths
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "gfxsync", "pending.db")
}
