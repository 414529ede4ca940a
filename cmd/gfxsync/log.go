package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/DeRuina/timberjack"
)

// logger makes the log of a command. The caller calls closeLog at the end of the command.
func (p *program) logger(s *settings) (log *slog.Logger, closeLog func() error) {
	out, closeLog := p.stderr, func() error { return nil }
	if s.logFile != "" {
		// timberjack would make the directory readable for everybody. If this fails, timberjack reports the error.
		_ = os.MkdirAll(filepath.Dir(s.logFile), 0o700)
		rotating := &timberjack.Logger{Filename: s.logFile, MaxSize: 10, MaxBackups: 5, FileMode: 0o600}
		out, closeLog = rotating, rotating.Close
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, opts)), closeLog
	}
	return slog.New(slog.NewTextHandler(out, opts)), closeLog
}
