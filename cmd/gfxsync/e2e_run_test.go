//go:build unix

package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
	"github.com/tidwall/gjson"
)

// trees are what the agent is run against: made up, and real where there is any.
var trees = map[string]func(*testing.T) tree{
	"made-up sessions": func(*testing.T) tree { return sampleTree() },
	"real exports":     realTree,
}

func TestFilesThatAppearWhileTheAgentRunsBecomeRows(t *testing.T) {
	for name, makeTree := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := makeTree(t)
			s := newScene(t)
			db := filepath.Join(t.TempDir(), "local.db")
			s.args = []string{"--local", db}
			s.start()
			files.writeTo(t, s.watch)
			_, count := files.jsonFiles()
			s.waitStatus("all files synced", func(st *reconcile.Status) bool {
				return st.Files == count && st.Synced == count && st.Pending == 0
			})
			checkLocal(t, db, files)
			s.stop()
		})
	}
}

// checkLocal compares the local table with the files: a row for each content, session_id exact, raw_json byte for byte.
func checkLocal(t *testing.T, path string, files tree) {
	t.Helper()
	db, err := sql.Open("sqlite", busyWait(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT file_hash, session_id, raw_json FROM gfx_sessions`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	want, _ := files.jsonFiles()
	found := 0
	for rows.Next() {
		var hash, raw string
		var id int64
		if err := rows.Scan(&hash, &id, &raw); err != nil {
			t.Fatal(err)
		}
		found++
		checkRow(t, want, hash, raw, id)
	}
	if err := rows.Err(); err != nil || found != len(want) {
		t.Errorf("%d rows, want %d (%v)", found, len(want), err)
	}
}

func checkRow(t *testing.T, want map[string][]byte, hash, raw string, id int64) {
	t.Helper()
	content, ok := want[hash]
	switch {
	case !ok:
		t.Errorf("row %s is of no file", hash)
	case raw != string(content):
		t.Errorf("raw_json of %s is not the file's content", hash)
	case fmt.Sprint(id) != gjson.GetBytes(content, "ID").Raw:
		t.Errorf("session_id of %s is %d, the file says %s", hash, id, gjson.GetBytes(content, "ID").Raw)
	}
}

func TestRowsOnSupabase(t *testing.T) {
	for name, makeTree := range trees {
		for _, kind := range []string{"secret key", "legacy JWT"} {
			t.Run(name+" with a "+kind, func(t *testing.T) {
				t.Parallel()
				files := makeTree(t)
				g := supabasetest.New(t)
				key, bearer := g.SecretKey, ""
				if kind == "legacy JWT" {
					key, bearer = g.ServiceJWT, "Bearer "+g.ServiceJWT
				}
				s := newScene(t).onSupabase(g, key)
				s.start()
				files.writeTo(t, s.watch)
				_, count := files.jsonFiles()
				s.waitStatus("all files synced", func(st *reconcile.Status) bool {
					return st.Synced == count && st.Link == "online"
				})
				s.stop()
				checkSupabase(t, g, files)
				for _, r := range g.Requests() {
					if r.Header.Get("apikey") != key || r.Header.Get("Authorization") != bearer {
						t.Errorf("%s %s went out with the key in the wrong headers", r.Method, r.Path)
					}
					if !strings.HasPrefix(r.Header.Get("User-Agent"), "gfxsync/") {
						t.Errorf("User-Agent is %q", r.Header.Get("User-Agent"))
					}
				}
				if strings.Contains(s.log.String(), key) {
					t.Error("the key is in the log")
				}
			})
		}
	}
}

// checkSupabase compares the table with the files. PostgreSQL's jsonb keeps values, not bytes: it compares them itself.
func checkSupabase(t *testing.T, g *supabasetest.Server, files tree) {
	t.Helper()
	want, _ := files.jsonFiles()
	if n := g.Count(t, "gfx_sessions"); n != len(want) {
		t.Errorf("%d rows, want %d", n, len(want))
	}
	for hash, content := range want {
		got := g.QueryStrings(t, `SELECT session_id::text || ' ' || (raw_json = $2::jsonb)::text FROM gfx_sessions WHERE file_hash = $1`,
			hash, string(content))
		if expected := gjson.GetBytes(content, "ID").Raw + " true"; len(got) != 1 || got[0] != expected {
			t.Errorf("the row of %s: %v, want %q", hash, got, expected)
		}
	}
}

// outageTime is how long the server stays away: a minute on CI, and less where somebody waits for the tests.
func outageTime() time.Duration {
	if os.Getenv("CI") != "" {
		return time.Minute
	}
	return 5 * time.Second
}

func TestAnOutageLosesNothing(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t)
	s := newScene(t).onSupabase(g, g.SecretKey)
	s.start()
	s.waitStatus("the link is known", func(st *reconcile.Status) bool { return st.Link == "online" })
	g.Stop()
	files := tree{}
	pace := time.NewTicker(outageTime() / 50)
	defer pace.Stop()
	for i := range 50 {
		made := sample.New(i).Play(3)
		name := fmt.Sprintf("table-%d/%s", i%3, made.FileName())
		files[name] = made.JSON()
		writeFile(t, filepath.Join(s.watch, name), files[name])
		if i >= 40 {
			s.waitStatus("the record is in the queue", func(st *reconcile.Status) bool { return st.Queued == i+1 })
			if err := os.Remove(filepath.Join(s.watch, name)); err != nil {
				t.Fatal(err)
			}
		}
		<-pace.C
	}
	s.waitStatus("offline, and all in the queue", func(st *reconcile.Status) bool {
		return st.Link == "offline" && st.Queued == 50 && st.Gone == 10
	})
	g.Start()
	s.waitStatus("the queue is empty", func(st *reconcile.Status) bool { return st.Queued == 0 && st.Synced == 40 })
	checkSupabase(t, g, files)
	s.stop()
}

func TestAKilledAgentGoesOnWhereItWas(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 12 {
		delay := time.Duration(rng.IntN(400)) * time.Millisecond
		t.Run(fmt.Sprintf("round %d after %v", i, delay), func(t *testing.T) {
			t.Parallel()
			files := sampleTree()
			s := newScene(t)
			db := filepath.Join(t.TempDir(), "local.db")
			s.args = []string{"--local", db}
			s.start()
			written := make(chan struct{})
			go func() {
				defer close(written)
				files.writeTo(t, s.watch)
			}()
			<-time.After(delay) // the moment of the crash is the point, and any will do
			s.kill()
			<-written
			s.start()
			_, count := files.jsonFiles()
			s.waitStatus("all files synced", func(st *reconcile.Status) bool {
				return st.Files == count && st.Synced == count && st.Pending == 0
			})
			checkLocal(t, db, files)
		})
	}
}

func TestAFileThatGrowsArrivesWhole(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t)
	s := newScene(t).onSupabase(g, g.SecretKey)
	s.start()
	s.waitStatus("the link is known", func(st *reconcile.Status) bool { return st.Link == "online" })
	content := sample.New(1).Play(40).JSON()
	f, err := os.Create(filepath.Join(s.watch, "grows.json"))
	if err != nil {
		t.Fatal(err)
	}
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for i := range 100 {
		if _, err := f.Write(content[len(content)*i/100 : len(content)*(i+1)/100]); err != nil {
			t.Fatal(err)
		}
		<-pace.C
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.waitStatus("the file is synced", func(st *reconcile.Status) bool { return st.Synced == 1 })
	s.stop()
	// No proper prefix of a JSON object is valid JSON, so there is one content that can have arrived.
	checkSupabase(t, g, tree{"grows.json": content})
	if n := posts(g); n > 3 {
		t.Errorf("it took %d requests", n)
	}
}

func TestASecondAgentIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.args = []string{"--local", filepath.Join(t.TempDir(), "local.db")}
	s.start()
	s.waitStatus("the agent runs", func(st *reconcile.Status) bool {
		return st.AgentRunning && st.LastReconcile != nil
	})
	second := s.command("run", "--watch", s.watch, "--queue-db", s.queue, "--local", filepath.Join(t.TempDir(), "other.db"), "--log-level", "error")
	out, err := second.CombinedOutput()
	want := "process "
	if !underWine { // where processes have other numbers
		want += strconv.Itoa(s.agent.Process.Pid)
	}
	if second.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), want) {
		t.Errorf("the second agent: %v, %s", err, out)
	}
	s.stop()
}

func TestBrokenFilesAreReportedAndStopNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db, "--max-file-size", "1MiB"}
	good := sample.New(1).Play(2)
	broken := tree{
		"empty.json": nil, "half.json": good.JSON()[:100], "array.json": []byte(`[1,2]`), "latin1.json": []byte("{\"a\":\"\xe4\"}"),
		"large.json": append([]byte(`{"a":"`), make([]byte, 2<<20)...),
	}
	broken.writeTo(t, s.watch)
	s.start()
	s.waitStatus("broken files recorded", func(st *reconcile.Status) bool { return st.Invalid == len(broken) })
	writeFile(t, filepath.Join(s.watch, "half.json"), good.JSON())
	s.waitStatus("the completed file is synced", func(st *reconcile.Status) bool {
		return st.Synced == 1 && st.Invalid == 4
	})
	out, err := s.command("invalid", "list", "--queue-db", s.queue).CombinedOutput()
	if err != nil {
		t.Fatalf("invalid list: %v: %s", err, out)
	}
	for _, want := range []string{"empty.json", "array.json", "not an object", "latin1.json", "not UTF-8", "large.json", "MAX_FILE_SIZE"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("invalid list does not say %q:\n%s", want, out)
		}
	}
	for name := range broken {
		if n := strings.Count(s.log.String(), "path="+name); name != "half.json" && n != 1 {
			t.Errorf("%s is logged %d times, want once", name, n)
		}
	}
	s.stop()
	checkLocal(t, db, tree{"half.json": good.JSON()})
}

func TestWhatChangedWhileNobodyWatchedIsFoundAtStart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db, "--flush-interval", "0.1"}
	a, b, c := sample.New(1).Play(1), sample.New(2).Play(1), sample.New(3).Play(1)
	all := tree{"a.json": a.JSON(), "b.json": b.JSON()}
	all.writeTo(t, s.watch)
	s.start()
	s.waitStatus("two synced", func(st *reconcile.Status) bool { return st.Synced == 2 })
	s.stop()
	all["a2.json"], all["c.json"] = a.Play(1).JSON(), c.JSON()
	writeFile(t, filepath.Join(s.watch, "a.json"), all["a2.json"])
	writeFile(t, filepath.Join(s.watch, "c.json"), all["c.json"])
	if err := os.Remove(filepath.Join(s.watch, "b.json")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.waitStatus("found", func(st *reconcile.Status) bool {
		return st.Synced == 2 && st.Gone == 1 && st.Files == 2 && st.Pending == 0
	})
	checkLocal(t, db, all)
	s.stop()
}
