package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

var _ reconcile.RuledTable = (*supabase.Remote)(nil)

var noWatchFlag = &cli.BoolFlag{
	Name: "no-watch", Usage: "take no events of the file system: find changes by hot scans and by the schedules",
}

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name:   "run",
		Usage:  "run the agent until it is stopped",
		Flags:  append(flags(agentSettings...), noWatchFlag),
		Action: p.runNotifying,
	}
}

// runNotifying runs the agent until the context ends, and tells systemd of it if that has started this process.
func (p *program) runNotifying(c *cli.Context) error {
	systemd, deaf := service.NewNotifier(p.lookupEnv)
	changes := service.NewChanges(systemd.Tell, systemd.Alive)
	stopped := systemd.StopsWith(c.Context)
	s, err := p.configureAgent(c, agentSettings...)
	if err == nil {
		systemd.Allow(2 * s.httpTimeout) // a request, and what is done with its answer
		err = p.runAgent(c.Context, s, c.Bool(noWatchFlag.Name), changes, deaf)
	}
	stopped()
	changes.Ended(err)
	return errors.Join(err, systemd.Close())
}

// runAgent runs the agent until ctx ends. What could not be begun before is logged.
func (p *program) runAgent(
	ctx context.Context, s *settings, noWatch bool, observer reconcile.Observer, failed error,
) error {
	log, closeLog := p.logger(s)
	if failed != nil {
		log.Warn("gfxsync works without its service manager's help", "error", failed)
	}
	return errors.Join(s.runAgent(ctx, noWatch, observer, log), closeLog())
}

func (s *settings) runAgent(ctx context.Context, noWatch bool, observer reconcile.Observer, log *slog.Logger) error {
	log.Info("gfxsync "+versionText(), "remote", s.remoteName())
	if place := doctor.QueuePlace(s.queueDB); place.Verdict != store.OK {
		log.Warn(place.Text, "hint", place.Hint)
	}
	remote, err := s.openTable(ctx, log, makeTable)
	switch {
	case err != nil && ctx.Err() != nil:
		log.Info("stopped") // as reconcile.Run does
		return nil
	case err != nil:
		return err
	}
	cfg := s.agentConfig(remote, log)
	cfg.NoWatch, cfg.Observer = noWatch, observer
	return errors.Join(reconcile.Run(ctx, cfg), remote.Close())
}

func (s *settings) remoteName() string {
	if s.localDB != "" {
		return s.localDB
	}
	return s.supabaseURL.String() + ", with a " + s.key.Kind()
}

func (s *settings) agentConfig(remote store.Table, log *slog.Logger) reconcile.Config {
	var onConflict *store.ConflictSetting
	if s.localDB == "" {
		onConflict = &s.conflict
	}
	return reconcile.Config{
		Roots: s.roots, QueueDB: s.queueDB, Remote: remote, OnConflict: onConflict, Pattern: s.pattern, Hash: s.hash,
		MaxFileSize: s.maxFileSize, MaxRetries: s.maxRetries, PCID: s.pcID, Logger: log,
		FullReaders: s.fullReaders, Schedules: s.schedules, HotScans: s.hotScans,
		DeleteSuperseded: s.superseded == "delete",
		Delivery: store.DeliveryOptions{
			BatchSize: s.batchSize, FlushInterval: s.flushInterval, QueueInterval: s.queueInterval,
		},
	}
}
