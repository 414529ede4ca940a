package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/supabase"
)

func (p *program) runCommand() *cli.Command {
	groups := [][]setting{remoteSettings, fileSettings, deliverySettings, stateSettings, logSettings}
	return &cli.Command{
		Name:  "run",
		Usage: "run the agent until it is stopped",
		Flags: flags(groups...),
		Action: func(c *cli.Context) error {
			s, err := p.configure(c, groups...)
			if err != nil {
				return err
			}
			if err := s.checkRun(); err != nil {
				return err
			}
			log, closeLog := p.logger(s)
			return errors.Join(p.runAgent(c.Context, s, log), closeLog())
		},
	}
}

func (p *program) runAgent(ctx context.Context, s *settings, log *slog.Logger) error {
	log.Info("gfxsync "+versionText(), "remote", s.remoteName())
	remote, err := s.openRemote(ctx, log)
	if err != nil {
		return err
	}
	agent, err := reconcile.Open(ctx, s.agentConfig(remote, log))
	if err != nil {
		return errors.Join(err, remote.Close())
	}
	return errors.Join(agent.Run(ctx), agent.Close(), remote.Close())
}

func (s *settings) remoteName() string {
	if s.localDB != "" {
		return s.localDB
	}
	return s.supabaseURL.String() + ", with a " + s.key.Kind()
}

func (s *settings) openRemote(ctx context.Context, log *slog.Logger) (store.Remote, error) {
	if s.localDB != "" {
		remote, err := local.Open(ctx, s.localDB)
		if err != nil {
			return nil, fmt.Errorf("--local: %w", err)
		}
		return remote, nil
	}
	return supabase.New(supabase.Options{
		URL: s.supabaseURL, Key: *s.key, Schema: s.schema, Table: s.table, Timeout: s.httpTimeout,
		UserAgent: "gfxsync/" + versionText(), Logger: log,
	}), nil
}

func (s *settings) agentConfig(remote store.Remote, log *slog.Logger) reconcile.Config {
	return reconcile.Config{
		Root: hashindex.Root{Dir: s.watchPath}, QueueDB: s.queueDB, Remote: remote, Pattern: s.pattern, Hash: s.hash,
		MaxFileSize: s.maxFileSize, MaxRetries: s.maxRetries, PCID: s.pcID, Logger: log,
		Delivery: store.DeliveryOptions{
			BatchSize: s.batchSize, FlushInterval: s.flushInterval, QueueInterval: s.queueInterval,
		},
	}
}
