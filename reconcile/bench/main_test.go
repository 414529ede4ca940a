// Package bench_test compares what gfxsync does with a floor: the least work with the same result. Both alternate
// within one run. So the ratio is meaningful even on a busy machine.
//
//	go tool task bench
//
// BENCH_SCALE (1) scales the numbers of files and rows. With 0.001 a run takes seconds and only shows that everything
// works.
package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// results holds the results, one line for each benchmark. Benchmarks run one after the other, so there is no lock.
var results []table.Row

func TestMain(m *testing.M) {
	code := supabasetest.M{M: m}.Run()
	if len(results) > 0 {
		t := table.NewWriter()
		t.AppendHeader(table.Row{"what", "its floor", "the floor took", "gfxsync took", "ratio"})
		t.AppendRows(results)
		fmt.Printf("\n%s\n\nmedians; %d cores, %s/%s, %s\n\n", t.RenderMarkdown(), runtime.NumCPU(), runtime.GOOS,
			runtime.GOARCH, runtime.Version())
	}
	os.Exit(code)
}

// scaled returns n scaled by BENCH_SCALE.
func scaled(b *testing.B, n int) int {
	b.Helper()
	scale := 1.0
	if text := os.Getenv("BENCH_SCALE"); text != "" {
		var err error
		if scale, err = strconv.ParseFloat(text, 64); err != nil || scale <= 0 || scale > 1 {
			b.Fatalf("BENCH_SCALE is %q: expected a number above 0, at most 1", text)
		}
	}
	return max(int(float64(n)*scale), 1)
}

func count(n int) string { return humanize.Comma(int64(n)) }

// compare runs both functions alternately, with this number of pairs in each round of the benchmark. It adds the
// medians of their times to the results.
func compare(b *testing.B, pairs int, what, floorName string, floor, ours func() time.Duration) {
	b.Helper()
	var floors, all []time.Duration
	var ratios []float64
	for b.Loop() {
		for range pairs {
			f, o := floor(), ours()
			floors, all = append(floors, f), append(all, o)
			ratios = append(ratios, float64(o)/float64(f))
		}
	}
	f, o := median(floors), median(all)
	report(b, what, floorName, show(f), show(o), median(ratios))
	b.ReportMetric(f.Seconds(), "floor-s")
	b.ReportMetric(o.Seconds(), "gfxsync-s")
}

func report(b *testing.B, what, floorName, floor, ours string, ratio float64) {
	results = append(results, table.Row{what, floorName, floor, ours, fmt.Sprintf("%.2f", ratio)})
	b.ReportMetric(ratio, "x-floor")
	b.ReportMetric(0, "ns/op") // the time of a round is meaningless
}

func median[T time.Duration | float64](of []T) T {
	slices.Sort(of)
	return of[len(of)/2]
}

// show rounds a time to three digits.
func show(d time.Duration) string {
	unit := time.Duration(1)
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
