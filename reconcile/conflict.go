package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// The server says by which key rows are written (Config.OnConflict). An agent asks it when it opens its queue database.
// If the server does not answer, the agent begins with the key that the server named last, or else by hash: it reads
// files and queues their records, and sends nothing before the server has confirmed the key. If the server names
// another key then, the agent ends with errOtherKey and is opened again at once, by that key. state.Adopt makes the
// queue database fit.

// RuledTable is a remote that can be asked what its table is unique on.
type RuledTable interface {
	store.SessionTable
	// Rules asks the server. Nothing is written. Errors are as Upsert's; class Setup says that the table is unique on
	// no key.
	Rules(ctx context.Context) (store.TableRules, error)
	// WithKey returns the same table, written by another key. It needs no Close.
	WithKey(key store.ConflictKey) store.SessionTable
}

// askLimit is how long an agent that begins waits for the server's word.
const askLimit = 5 * time.Second

// noteRules is what the server last said of its table.
const noteRules = "table_rules"

// errOtherKey says that an agent runs by another key than the one it would choose by the server's word.
var errOtherKey = errors.New("the table is unique on another key than was assumed")

// settled returns the Config by which the table is written as chosen.
func (c Config) settled(choice store.ConflictChoice) Config {
	c.Delivery.Conflict, c.SessionRequired = choice.Key, choice.SessionRequired()
	c.Remote = c.Remote.(RuledTable).WithKey(choice.Key)
	return c
}

// remembered returns the choice by what the server said last; known is false if it never said anything.
func (c *Config) remembered(ctx context.Context, s *state.State) (choice store.ConflictChoice, known bool, err error) {
	var rules store.TableRules
	if known, err = s.Notes.Get(ctx, noteRules, &rules); err != nil {
		return choice, false, err
	}
	choice, ok := c.OnConflict.Choose(rules)
	return choice, known && ok, nil
}

// forSurvey is the Config of a survey, which has to know what the table is unique on. It fails as Rules does.
func (c Config) forSurvey(ctx context.Context, s *state.State) (Config, error) {
	if c.OnConflict == nil {
		return c, nil
	}
	rules, asked := c.Remote.(RuledTable).Rules(ctx)
	choice, known := c.OnConflict.Choose(rules)
	if known = known && asked == nil; !known && store.ClassOf(asked) != store.Setup {
		var err error
		if choice, known, err = c.remembered(ctx, s); err != nil {
			return c, err
		}
	}
	if _, given := c.OnConflict.Key(); !known && !given {
		return c, fmt.Errorf("cannot ask what the table is unique on: %w", asked)
	}
	return c.settled(choice), nil
}

// settle finds out by which key the table is written.
func (a *Agent) settle(ctx context.Context) error {
	if a.cfg.OnConflict == nil {
		return nil
	}
	server := a.cfg.Remote.(RuledTable)
	asked, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	rules, asking := server.Rules(asked)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	choice, confirmed := a.cfg.OnConflict.Choose(rules)
	if confirmed = confirmed && asking == nil; confirmed {
		if err := a.remember(ctx, rules); err != nil {
			return err
		}
		a.sayChoice(choice)
	} else {
		var known bool
		var err error
		if choice, known, err = a.cfg.remembered(ctx, a.state); err != nil {
			return err
		}
		a.sayAssumed(choice, known, asking)
	}
	a.cfg = a.cfg.settled(choice)
	if _, given := a.cfg.OnConflict.Key(); !given {
		a.cfg.Remote = &confirmingTable{a.cfg.Remote.(store.SessionTable), &confirmation{
			agent: a, server: server, choice: choice, confirmed: confirmed,
		}}
	}
	return nil
}

func (a *Agent) sayChoice(choice store.ConflictChoice) {
	a.log.Info(choice.String())
	if other, what, _, refused := choice.Refusal(); refused {
		a.log.Warn(fmt.Sprintf("the table is unique on %s as well: %s", other, what), "hint",
			store.ConflictAdvice(other))
	}
}

func (a *Agent) sayAssumed(choice store.ConflictChoice, known bool, err error) {
	_, given := choice.Setting.Key()
	switch {
	case given:
		a.log.Info(choice.String())
	case known:
		a.log.Info(choice.String()+", as far as the server has said; it is asked again before anything is sent",
			"error", err)
	default:
		a.log.Warn("what the table is unique on is not known yet; files are read and their records queued, and "+
			"nothing is sent before the server says it",
			"error", err)
	}
}

func (a *Agent) remember(ctx context.Context, rules store.TableRules) error {
	return a.state.Update(ctx, func(v state.View) error { return v.Notes.Set(ctx, noteRules, rules) })
}

// confirmation is what an agent knows of the key that it runs by.
type confirmation struct {
	agent  *Agent
	server RuledTable
	choice store.ConflictChoice

	mu        sync.Mutex
	confirmed bool
}

// confirm asks the server, unless it has been asked already. It fails as Rules does, or with errOtherKey, after which
// the agent ends.
func (c *confirmation) confirm(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.confirmed {
		return nil
	}
	rules, err := c.server.Rules(ctx)
	if err != nil {
		return ofNoRecord(err)
	}
	choice, ok := c.choice.Setting.Choose(rules)
	if !ok {
		return &store.RemoteError{Class: store.Setup, Message: "the table is unique on no key"}
	}
	if err := c.agent.remember(ctx, rules); err != nil {
		return fmt.Errorf("note what the table is unique on: %w", err)
	}
	if choice.Key != c.choice.Key || choice.SessionRequired() != c.choice.SessionRequired() {
		select {
		case c.agent.otherKey <- struct{}{}:
		default:
		}
		return &store.RemoteError{
			Class: store.Outage, Message: "nothing was sent: " + choice.String(),
			Err: errOtherKey,
		}
	}
	c.confirmed = true
	c.agent.log.Info(choice.String())
	return nil
}

// ofNoRecord makes of the error of a question the error of the request that was to follow. Whatever its class, no
// record is to blame: none was sent.
func ofNoRecord(err error) error {
	var re *store.RemoteError
	if !errors.As(err, &re) {
		return err
	}
	own := *re
	own.Ambiguous = false
	if own.Class != store.Credentials && own.Class != store.Setup {
		own.Class = store.Outage
	}
	return &own
}

// review asks the server again if the error of an upsert says that the table has changed. It returns that error, or
// errOtherKey.
func (c *confirmation) review(ctx context.Context, err error) error {
	var re *store.RemoteError
	if !errors.As(err, &re) {
		return err
	}
	other, parsed := store.ParseConflictKey(re.OtherKey)
	if re.Code != "42P10" && (parsed != nil || slices.Contains(c.choice.Rules.Unique, other)) {
		return err
	}
	c.mu.Lock()
	c.confirmed = false
	c.mu.Unlock()
	if asked := c.confirm(ctx); asked != nil {
		return asked
	}
	return err
}

// confirmingTable is a table by a key that the server is asked to confirm before anything else.
type confirmingTable struct {
	store.SessionTable
	*confirmation
}

var _ store.SessionTable = (*confirmingTable)(nil)

func (t *confirmingTable) Upsert(ctx context.Context, records []store.Record) error {
	if err := t.confirm(ctx); err != nil {
		return err
	}
	return t.review(ctx, t.SessionTable.Upsert(ctx, records))
}

func (t *confirmingTable) Ping(ctx context.Context) error {
	if err := t.confirm(ctx); err != nil {
		return err
	}
	return t.SessionTable.Ping(ctx)
}

func (t *confirmingTable) Digest(ctx context.Context) (store.Digest, error) {
	return confirmed(ctx, t.confirmation, func() (store.Digest, error) { return t.SessionTable.Digest(ctx) })
}

func (t *confirmingTable) Hashes(ctx context.Context, after string, limit int) ([]string, error) {
	return confirmed(ctx, t.confirmation, func() ([]string, error) { return t.SessionTable.Hashes(ctx, after, limit) })
}

func (t *confirmingTable) Has(ctx context.Context, hashes []string) ([]string, error) {
	return confirmed(ctx, t.confirmation, func() ([]string, error) { return t.SessionTable.Has(ctx, hashes) })
}

func (t *confirmingTable) Sessions(ctx context.Context, after int64, limit int) ([]store.SessionRow, error) {
	return confirmed(ctx, t.confirmation, func() ([]store.SessionRow, error) {
		return t.SessionTable.Sessions(ctx, after, limit)
	})
}

func (t *confirmingTable) SessionRows(ctx context.Context, sessions []int64) ([]store.SessionRow, error) {
	return confirmed(ctx, t.confirmation, func() ([]store.SessionRow, error) {
		return t.SessionTable.SessionRows(ctx, sessions)
	})
}

func (t *confirmingTable) Delete(ctx context.Context, hashes []string) error {
	if err := t.confirm(ctx); err != nil {
		return err
	}
	return t.SessionTable.Delete(ctx, hashes)
}

func (t *confirmingTable) OfPC(pcID string) store.Table {
	part, ok := t.SessionTable.OfPC(pcID).(store.SessionTable)
	if !ok {
		return t
	}
	return &confirmingTable{part, t.confirmation}
}

func confirmed[T any](ctx context.Context, c *confirmation, ask func() (T, error)) (answer T, err error) {
	if err := c.confirm(ctx); err != nil {
		return answer, err
	}
	return ask()
}
