//go:build unix

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sample"
)

// outage is a folder and a queue database that an agent has left behind which could not reach Supabase: all records
// wait, and every second file has been deleted since, so that its record is all there is of it.
type outage struct {
	*scene
	contents [][]byte
	rows     *localRows
}

const outageFiles = 500

// nowhere is a server that refuses every connection: an outage.
func nowhere(t *testing.T) []string {
	return []string{
		fmt.Sprintf("GFX_SYNC_SUPABASE_URL=http://127.0.0.1:%d", freePort(t)), "GFX_SYNC_SUPABASE_SERVICE_KEY=sb_secret_made_up_for_an_outage_00000",
	}
}

func (o *outage) file(i int) string {
	return filepath.Join(o.watch, fmt.Sprintf("%d", i/100), fmt.Sprintf("table %d.json", i))
}

// newOutage queues the files, with the agent left running, or stopped in order.
func newOutage(t *testing.T, files int, running bool) *outage {
	t.Helper()
	o := &outage{scene: newScene(t), rows: &localRows{t: t, path: filepath.Join(t.TempDir(), "local.db")}}
	for i := range files {
		o.contents = append(o.contents, sample.New(i).Play(1+i%3).JSON())
		writeFile(t, o.file(i), o.contents[i])
	}
	o.env = nowhere(t)
	o.start()
	o.waitStatus("all records wait in the queue", func(st *reconcile.Status) bool {
		return st.Queued == files && st.Pending == 0
	})
	if !running {
		o.stop()
	}
	for i := 1; i < files; i += 2 {
		if err := os.Remove(o.file(i)); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// again is the same outage in another place.
func (o *outage) again(t *testing.T) *outage {
	t.Helper()
	another := &outage{scene: newScene(t), contents: o.contents, rows: &localRows{t: t, path: filepath.Join(t.TempDir(), "local.db")}}
	another.env = o.env
	for _, dirs := range [][2]string{{o.watch, another.watch}, {filepath.Dir(o.queue), filepath.Dir(another.queue)}} {
		if err := os.RemoveAll(dirs[1]); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dirs[1], os.DirFS(dirs[0])); err != nil {
			t.Fatal(err)
		}
	}
	return another
}

// over ends the outage: there is a table now.
func (o *outage) over() {
	o.env, o.args, o.log = nil, []string{"--local", o.rows.path}, &syncBuffer{}
	o.start("--flush-interval", "0.1")
}

// settled waits until nothing is under way any more, and returns the status.
func (o *outage) settled() *reconcile.Status {
	o.t.Helper()
	return o.settledWith(0)
}

// settledWith is settled with more files than those of the outage.
func (o *outage) settledWith(more int) (last *reconcile.Status) {
	o.t.Helper()
	eventually(o.t, "reconciled", func() bool { return strings.Contains(o.log.String(), "msg=reconciled") })
	present := (len(o.contents)+1)/2 + more
	o.waitStatus("everything delivered", func(st *reconcile.Status) bool {
		last = st
		return st.Synced == present && st.Pending+st.Queued == 0 && st.Dead == o.buried()
	})
	return last
}

// buried returns how many records are dead because they are damaged. Those of files that are there arrive all the same.
func (o *outage) buried() (n int) {
	o.t.Helper()
	out, err := o.command("queue", "list", "--json", "--queue-db", o.queue).Output()
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range gjson.ParseBytes(out).Array() {
		if e.Get("dead").Bool() && strings.Contains(e.Get("error").Str, "damaged") {
			n++
		}
	}
	return n
}

// arrived checks the table: every file that is there has a row, and so has every record of a file that is not, but for
// those lost.
func (o *outage) arrived(lost int) {
	o.t.Helper()
	var missing []int
	for i, content := range o.contents {
		switch {
		case o.rows.have(content):
		case i%2 == 0:
			o.t.Errorf("file %d is there and has no row", i)
		default:
			missing = append(missing, i)
		}
	}
	if len(missing) > lost {
		o.t.Errorf("the records of %d deleted files are missing, and only %d could not be read: %v", len(missing), lost, missing)
	}
	var wrong int
	for i := range o.contents {
		hash := hashindex.XXH3.Sum(o.contents[i])
		n := 0
		if err := o.rows.db.QueryRow(`SELECT count(*) FROM gfx_sessions WHERE file_hash = ? AND raw_json <> ?`, hash, string(o.contents[i])).Scan(&n); err != nil {
			o.t.Fatal(err)
		}
		wrong += n
	}
	if wrong > 0 {
		o.t.Errorf("%d rows have another content than their files", wrong)
	}
}

// overwrite puts garbage over some pages of a file.
func overwrite(t *testing.T, name string, random *rand.Rand, pages int) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for range pages {
		garbage := make([]byte, 1+random.IntN(page))
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		if _, err := f.WriteAt(garbage, random.Int64N(info.Size()/page)*page+random.Int64N(int64(page-len(garbage)+1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAQueueDatabaseThatIsDamagedAtRandomPlaces(t *testing.T) {
	original := newOutage(t, outageFiles, false)
	times := 20
	if long() {
		times = 200
	}
	var found, rescued, unreadable int
	for seed := range times {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			o := original.again(t)
			random := rand.New(rand.NewPCG(uint64(seed), 0))
			pages := 1 + random.IntN(20)
			overwrite(t, o.queue, random, pages)
			o.over()
			st := o.settled()
			buried := o.buried()
			o.stop()
			lost := 0
			if r := st.Recovered; r != nil {
				lost = o.lost(r)
				// As much of a record as is in its leaf is at least an eighth of it, and the rest is in pages of its own.
				if lost > 8*pages {
					t.Errorf("%d pages were overwritten, and %d records could not be read", pages, lost)
				}
				checkSetAside(t, o, r.Path)
				found, rescued, unreadable = found+1, rescued+r.Rescued, unreadable+lost
			}
			o.arrived(lost + buried)
		})
	}
	t.Logf("%d of %d damages were found at the start; of their records %d were rescued, %d could not be read", found, times, rescued, unreadable)
	if found == 0 || rescued == 0 {
		t.Error("nothing was damaged, or nothing rescued")
	}
}

// lost is how many records could not be read. All that was in the queue is accounted for.
func (o *outage) lost(r *state.Quarantined) int {
	o.t.Helper()
	if r.Lost == nil || r.Rescued+*r.Lost != len(o.contents) {
		o.t.Errorf("of %d records, it is said of the recovery: %+v", len(o.contents), r)
		return len(o.contents) - r.Rescued
	}
	return *r.Lost
}

func checkSetAside(t *testing.T, o *outage, path string) {
	t.Helper()
	if _, err := os.Stat(here(path)); err != nil || !strings.HasPrefix(path, shown(o.queue)+".damaged-") {
		t.Errorf("the damaged file is said to be at %s (%v)", path, err)
	}
	for _, word := range []string{"level=ERROR", "set_aside=", path, "rescued=", "unreadable="} {
		if !strings.Contains(o.log.String(), word) {
			t.Errorf("the log does not say %s", word)
		}
	}
}

// TestTheHeadOfTheQueueDatabaseIsOverwritten: commands that only read say so and change nothing; the agent gets
// everything back.
func TestTheHeadOfTheQueueDatabaseIsOverwritten(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 60, false)
	f, err := os.OpenFile(o.queue, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(o.queue)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"queue", "list"}, {"verify", "--watch", o.watch}} {
		out, err := o.command(append(args, "--queue-db", o.queue)...).CombinedOutput()
		if exitCode(err) != 2 || !strings.Contains(string(out), shown(o.queue)) || !strings.Contains(string(out), "set it aside") {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
	if after, err := os.ReadFile(o.queue); err != nil || string(after) != string(before) {
		t.Errorf("a command that only reads has changed the file (%v)", err)
	}
	o.args = []string{"--local", o.rows.path}
	o.env = nil
	o.mustPass(0, "reconcile")
	st := o.status()
	if st.Recovered == nil || st.Recovered.Rescued != 60 || st.Recovered.Lost == nil || *st.Recovered.Lost != 0 {
		t.Errorf("status says of the recovery: %+v", st.Recovered)
	}
	o.arrived(0)
}

// TestDamageIsFoundWhileTheAgentRuns: the agent goes on, in the same process, with a new queue database.
func TestDamageIsFoundWhileTheAgentRuns(t *testing.T) {
	t.Parallel()
	o := newOutage(t, outageFiles, true)
	o.execState(`PRAGMA wal_checkpoint(TRUNCATE)`)
	process := o.agent.Process.Pid
	overwrite(t, o.queue, rand.New(rand.NewPCG(1, 2)), 200)
	late := sample.New(9000).Play(1).JSON()
	writeFile(t, filepath.Join(o.watch, "late.json"), late)
	eventually(t, "the queue database is set aside", func() bool {
		return strings.Contains(o.log.String(), "set_aside=")
	})
	lost := 0
	o.waitStatus("the files that are there wait again", func(st *reconcile.Status) bool {
		if st.Recovered == nil {
			return false
		}
		// So many pages are overwritten that of some records nothing tells any more.
		lost = outageFiles - st.Recovered.Rescued
		return st.Queued >= outageFiles/2 && st.Pending == 0
	})
	if lost == outageFiles {
		t.Error("nothing was rescued")
	}
	if o.agent.Process.Pid != process {
		t.Error("it is another process")
	}
	o.stop()
	o.over()
	o.settledWith(1)
	o.rows.wait(late)
	o.stop()
	o.arrived(lost)
}

// TestTheQueueDatabaseIsDeletedWhileTheAgentRuns: nothing of it is lost, whether the agent notices it or is stopped
// before.
func TestTheQueueDatabaseIsDeletedWhileTheAgentRuns(t *testing.T) {
	remove := func(t *testing.T, o *outage) {
		if err := os.RemoveAll(filepath.Dir(o.queue)); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(t *testing.T, o *outage) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(o.queue + suffix); err != nil {
				t.Fatal(err)
			}
		}
		o.command("reconcile", "--queue-db", o.queue, "--watch", t.TempDir()).Run() // finds the lock held, and makes nothing
		writeFile(t, o.queue, nil)
	}
	for name, lose := range map[string]func(*testing.T, *outage){"with its folder": remove, "and another is there": replace} {
		t.Run(name, func(t *testing.T) {
			if underWine {
				t.Skip("SKIPPED: on Windows an open file cannot be deleted")
			}
			t.Parallel()
			o := newOutage(t, 60, true)
			lose(t, o)
			eventually(t, "the agent has noticed", func() bool {
				return strings.Contains(o.log.String(), "going on with another")
			})
			o.waitStatus("the queue is as it was", func(st *reconcile.Status) bool {
				return st.Queued == 60 && st.AgentRunning
			})
			lose(t, o)
			o.stop() // at once, perhaps before it has been noticed
			o.over()
			o.settled()
			o.stop()
			o.arrived(0)
		})
	}
}

// exitCode returns the exit code of a command that has run.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestARecordOfTheQueueIsDamaged where SQLite cannot know: the others are not to wait for it, and its file is read
// again.
func TestARecordOfTheQueueIsDamaged(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 20, false)
	o.execState(`UPDATE pending_sync SET record_json = substr(record_json, 1, 100) WHERE file_path IN ('0/table 0.json', '0/table 1.json')`)
	o.over()
	o.waitStatus("all but the lost one delivered", func(st *reconcile.Status) bool {
		return st.Synced == 10 && st.Queued+st.Pending == 0 && st.Dead == 1
	})
	out, err := o.command("queue", "list", "--queue-db", o.queue).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "table 1.json") || !strings.Contains(string(out), "of the queue is damaged") {
		t.Errorf("queue list: %v: %s", err, out)
	}
	o.stop()
	o.arrived(1)
}
