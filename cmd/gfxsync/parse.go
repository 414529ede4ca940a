package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// value says how the value of a setting is parsed.
type value struct {
	expected string                       // the text after "expected" in an error
	parse    func(*settings, string) bool // returns false for a wrong value
}

func parsed[T any](field func(*settings) *T, parse func(string) (T, error), expected string) value {
	return value{expected, func(s *settings, v string) bool {
		parsed, err := parse(v)
		*field(s) = parsed
		return err == nil
	}}
}

func text(field func(*settings) *string, isRight func(string) bool, expected string) value {
	return value{expected, func(s *settings, v string) bool {
		*field(s) = v
		return isRight(v)
	}}
}

func word(field func(*settings) *string, words ...string) value {
	return value{english.WordSeries(words, "or"), func(s *settings, v string) bool {
		*field(s) = strings.ToLower(strings.TrimSpace(v))
		return slices.Contains(words, *field(s))
	}}
}

func filePath(field func(*settings) *string) value {
	return value{"the path of a file", func(s *settings, v string) bool {
		return parsePath(field(s), v) && !isFolder(*field(s))
	}}
}

func number(field func(*settings) *int, least, most int) value {
	return value{fmt.Sprintf("a whole number from %d to %d", least, most), func(s *settings, v string) bool {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		*field(s) = n
		return err == nil && n >= least && n <= most
	}}
}

func size(field func(*settings) *int64, least, most uint64, expected string) value {
	return value{expected, func(s *settings, v string) bool {
		n, err := humanize.ParseBytes(v)
		*field(s) = int64(n)
		return err == nil && n >= least && n <= most
	}}
}

// duration takes the longest duration twice, to parse and to show.
func duration(field func(*settings) *time.Duration, least, most time.Duration, mostText string) value {
	expected := "seconds (5.0) or a duration (5s, 1m30s), above 0, up to " + mostText
	return value{expected, func(s *settings, v string) bool {
		v = strings.TrimSpace(v)
		d, err := time.ParseDuration(v)
		if seconds, ferr := strconv.ParseFloat(v, 64); ferr == nil && math.Abs(seconds) < 1e9 {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		*field(s) = d
		return err == nil && d >= least && d <= most
	}}
}

func schedule(field func(*settings) *reconcile.Schedule) value {
	parse := func(v string) (reconcile.Schedule, error) { return reconcile.ParseSchedule(strings.TrimSpace(v)) }
	return parsed(field, parse,
		"five cron fields, @every DURATION, @hourly, @daily …, or nothing for never")
}

// parseProjectURL refuses a URL that the key must not be sent to.
func parseProjectURL(v string) (*url.URL, error) {
	u, err := url.Parse(v)
	if err != nil || mayHoldKey(v) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("no URL of a project")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errors.New("not encrypted")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/rest/v1")
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func isIdentifier(v string) bool {
	return len(v) <= 63 && v != "" && !strings.ContainsFunc(v, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// readKey reads a key as it stands in the settings, sealed or not.
func readKey(v string) (supabase.Key, error) {
	key, err := envfile.Unseal(v)
	if err != nil {
		return supabase.Key{}, fmt.Errorf("%w: %w", supabase.ErrKey, err)
	}
	return supabase.ParseKey(key)
}

// parseKey is not in the table of settings, because no error may show the value. An error of ParseKey says what is
// wrong with the key without showing it.
func parseKey(s *settings, variable, v string) error {
	key, err := readKey(v)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	s.key = &key
	return nil
}
