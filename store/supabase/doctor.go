package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// The parts of a set-up. A part may need the parts before it.
const (
	partURL        = "url"
	partKey        = "key"
	partClock      = "clock"
	partTable      = "table"
	partColumns    = "columns"
	partConstraint = "constraint"
	partRights     = "rights"
	partRow        = "row"
	partDigest     = "digest"
	partHands      = "hands"
)

var parts = []string{
	partURL, partKey, partClock, partTable, partColumns, partConstraint, partRights, partRow, partDigest, partHands,
}

// clockTolerance is the difference that is allowed between the clocks of this machine and of the server.
const clockTolerance = 2 * time.Minute

const (
	// schemaHint repairs most of what can be wrong with a table.
	schemaHint = "run the SQL that gfxsync schema prints in the SQL editor of the Supabase dashboard"
	laterHint  = "try again in some minutes; if it stays so, look in the Supabase dashboard whether the project is " +
		"paused or restarting, and at status.supabase.com"
)

// CheckOptions says what is expected of a set-up.
type CheckOptions struct {
	Setting store.ConflictSetting // how the agent chooses the conflict key; Options.Conflict is not used
	Deletes bool                  // the key needs the right to delete
	PCID    string                // the PC whose rows are read, if the conflict key has the PC
	// KeyError says why there is no usable key. Options.Key is then the zero Key, and only the URL and the clock can
	// be tested.
	KeyError error
	// Rows are at least two made-up rows like those that the agent sends, distinct in every conflict key. The server
	// is asked to store them and to undo that. Without them, it is not tested whether a row can be stored.
	Rows []store.Record
}

// Check tries every part of the set-up, and says how to repair what fails. It returns one finding for each part, always
// in the same order. A part that cannot be tested because another part failed is Skipped. Check makes, changes and
// removes no row: to find out whether the table takes rows, it sends rows that the server rolls back (see rows).
func (r *Remote) Check(ctx context.Context, opts CheckOptions) []store.Finding {
	c := &check{r: r, opts: opts, table: r.name(), found: map[string]store.Finding{}}
	if c.connect(ctx) {
		c.choose(ctx)
		c.write(ctx)
		c.digest(ctx)
		c.hands(ctx)
	}
	findings := make([]store.Finding, len(parts))
	for i, part := range parts {
		f, ok := c.found[part]
		if !ok {
			f = store.Finding{Part: part, Verdict: store.Skipped, Text: "not tested: " + c.blocked}
		}
		findings[i] = f
	}
	return findings
}

type check struct {
	r     *Remote
	opts  CheckOptions
	table string

	found   map[string]store.Finding
	blocked string // why parts that are not in found were not tested
	reads   bool   // the key may select

	choice  store.ConflictChoice
	keysErr error // why no unique key was found

	spared, sparedHint string // what an optional column lacks, and the SQL that adds it
}

func (c *check) say(part string, verdict store.Verdict, text, hint string) {
	c.found[part] = store.Finding{Part: part, Verdict: verdict, Text: text, Hint: hint}
}

// connect reads one hash. The answer says what is wrong with the URL, the clock, the key or the table. Connect returns
// whether the other parts can be tested.
func (c *check) connect(ctx context.Context) bool {
	x := &exchange{}
	begin := time.Now()
	err := c.r.send(ctx, x, c.r.opts.Table, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select(store.ColumnFileHash, "", false).Limit(1, "")
	})
	took := time.Since(begin)
	c.clock(x.header.Get("Date"), begin.Add(took/2))
	if err == nil && json.Unmarshal(x.answer, &[]struct{}{}) != nil {
		err = errors.New("the answer is not PostgREST's")
	}
	if !c.reached(x, err, took) || !c.accepted(err) || !c.there(err) {
		return false
	}
	c.reads = codeOf(err) != "42501"
	return true
}

// reached says whether a Supabase project answered.
func (c *check) reached(x *exchange, err error, took time.Duration) bool {
	address := c.r.opts.URL.String()
	notSupabase := x.status >= 200 && x.status < 300 && err != nil ||
		x.status == http.StatusNotFound && codeOf(err) == ""
	switch {
	case notSupabase:
		c.say(partURL, store.Fail, fmt.Sprintf("%s answers, but is no Supabase project: %s", address, messageOf(err)),
			"check GFX_SYNC_SUPABASE_URL: Supabase dashboard, Project Settings, Data API, Project URL")
	case err != nil && x.status == 0:
		c.say(partURL, store.Fail, fmt.Sprintf("%s cannot be reached: %s", address, messageOf(err)),
			"check GFX_SYNC_SUPABASE_URL, the network and the firewall, and that the project is not paused "+
				"(Supabase dashboard)")
	case err != nil && store.ClassOf(err) == store.Outage:
		c.say(partURL, store.Fail, fmt.Sprintf("%s answers, but cannot serve now: %s", address, messageOf(err)),
			laterHint)
	default:
		c.say(partURL, store.OK, fmt.Sprintf("%s answers (%d ms)", address, took.Milliseconds()), "")
		return true
	}
	c.blocked = "the URL leads to no answer of Supabase"
	c.keyWithoutServer()
	return false
}

// keyWithoutServer reports a key that is seen to be bad without the server. It returns whether the key is bad.
func (c *check) keyWithoutServer() bool {
	key := c.r.opts.Key
	switch expires := key.Expires(); {
	case c.opts.KeyError != nil:
		c.say(partKey, store.Fail, c.opts.KeyError.Error(), "set GFX_SYNC_SUPABASE_SERVICE_KEY to that key")
	case !expires.IsZero() && expires.Before(time.Now()):
		c.say(partKey, store.Fail, fmt.Sprintf("the %s has expired, on %s", key.Kind(), expires.Format(time.DateOnly)),
			credentialsHint)
	default:
		return false
	}
	return true
}

// accepted says whether the key is good and whether the server accepts it.
func (c *check) accepted(err error) bool {
	refused := store.ClassOf(err) == store.Credentials && codeOf(err) != "42501"
	key := c.r.opts.Key
	switch {
	case c.keyWithoutServer():
	case err != nil && refused:
		c.say(partKey, store.Fail, fmt.Sprintf("the server does not accept the %s: %s", key.Kind(), messageOf(err)),
			credentialsHint)
	default:
		text := "a " + key.Kind() + ", accepted"
		if !key.Expires().IsZero() {
			text += ", valid until " + key.Expires().Format(time.DateOnly)
		}
		c.say(partKey, store.OK, text, "")
		return true
	}
	c.blocked = "there is no key that the server accepts"
	return false
}

// there says whether the table is there and can be asked.
func (c *check) there(err error) bool {
	c.blocked = "the table " + c.table + " cannot be asked"
	switch code := codeOf(err); {
	case code == "42501" && isForSchema(err):
		c.say(partTable, store.Fail, "the key may not use the schema "+c.r.opts.Schema,
			fmt.Sprintf("in the SQL editor: GRANT USAGE ON SCHEMA %s TO service_role;", c.r.opts.Schema))
	case err == nil, code == "42501", code == "42703":
		// No right to read it, or no column file_hash: other parts report that.
		c.say(partTable, store.OK, c.table, "")
		return true
	case code == "PGRST106":
		c.say(partTable, store.Fail, fmt.Sprintf("the schema %s is not served: %s", c.r.opts.Schema, messageOf(err)),
			"add it to the exposed schemas (Supabase dashboard, Project Settings, Data API), or set GFX_SYNC_SCHEMA")
	case code == "PGRST205", code == "42P01":
		c.blocked = "there is no table " + c.table
		c.say(partTable, store.Fail, c.blocked, schemaHint+", or set GFX_SYNC_TABLE")
	default:
		c.say(partTable, store.Fail, fmt.Sprintf("%s cannot be read: %s", c.table, messageOf(err)), laterHint)
	}
	return false
}

// clock compares the clocks. The header Date has whole seconds (RFC 9110, section 6.6.1).
func (c *check) clock(date string, now time.Time) {
	server, err := http.ParseTime(date)
	if err != nil {
		c.say(partClock, store.Skipped, "not tested: the server did not say what time it is", "")
		return
	}
	ahead := now.Sub(server)
	which := "ahead of"
	if ahead < 0 {
		ahead, which = -ahead, "behind"
	}
	if ahead <= clockTolerance {
		c.say(partClock, store.OK, "as the server's", "")
		return
	}
	c.say(partClock, store.Warn,
		fmt.Sprintf("this machine's clock is %v %s the server's", ahead.Round(time.Second), which),
		"set it, and have it set itself (Windows: Settings, Time & language, Date & time)")
}

func (c *check) digest(ctx context.Context) {
	view := c.r.opts.Schema + "." + digestView(c.r.opts.Table)
	if !c.reads {
		c.say(partDigest, store.Skipped, "not tested: the key may not select", "")
		return
	}
	if c.choice.Key == store.BySession {
		c.say(partDigest, store.Skipped, "not needed: a table with one row for each session is paged by session", "")
		return
	}
	d, err := c.r.WithKey(c.choice.Key).OfPC(c.opts.PCID).Digest(ctx)
	const pages = "a reconcile pages the table instead, a request for a thousand rows"
	switch {
	case codeOf(err) == "42501":
		c.say(partDigest, store.Warn, fmt.Sprintf("the key may not read the view %s; %s", view, pages),
			fmt.Sprintf("in the SQL editor: GRANT SELECT ON %s TO service_role;", view))
	case errors.Is(err, store.ErrNoDigest):
		c.say(partDigest, store.Warn, fmt.Sprintf("there is no view %s that can be used; %s", view, pages), schemaHint)
	case err != nil && store.ClassOf(err) == store.TooMuch:
		c.say(partDigest, store.Warn,
			fmt.Sprintf("the view %s takes the server too long (%s); %s", view, messageOf(err), pages), "")
	case err != nil:
		c.say(partDigest, store.Fail, fmt.Sprintf("the view %s cannot be read: %s", view, messageOf(err)), laterHint)
	default:
		rows := int64(0)
		for _, prefix := range d {
			rows += prefix.Rows
		}
		c.say(partDigest, store.OK, fmt.Sprintf("%s: %s", view, english.Plural(int(rows), "row", "")), "")
	}
}

// codeOf returns the code in the answer of a remote, or an empty string.
func codeOf(err error) string {
	var re *store.RemoteError
	if errors.As(err, &re) {
		return re.Code
	}
	return ""
}

// messageOf returns the text of an error without its class and hint. A finding has a verdict and a hint of its own.
func messageOf(err error) string {
	var re *store.RemoteError
	if !errors.As(err, &re) {
		return err.Error()
	}
	bare := *re
	bare.Hint = ""
	return strings.TrimPrefix(bare.Error(), re.Class.String()+": ")
}

// hintOf returns the hint of an error of a remote, or an empty string.
func hintOf(err error) string {
	var re *store.RemoteError
	if errors.As(err, &re) {
		return re.Hint
	}
	return ""
}

// required returns the columns that the table must have.
func (c *check) required() []string {
	others := slices.DeleteFunc(c.choice.Key.Columns(), func(name string) bool { return name == store.ColumnFileHash })
	return append([]string{store.ColumnFileHash, store.ColumnRawJSON}, others...)
}
