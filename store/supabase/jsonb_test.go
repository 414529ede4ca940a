package supabase_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// storableTexts has pieces of strings and numbers. Some are random, and some are at the limits.
func storableTexts() (docs []string) {
	for _, s := range []string{
		`\u0000`, `\\u0000`, `\\\u0000`, `\\\\u0000`, `\u0001`, `\u00000`, `\uD800`, `\uDBFF\uDC00`, `\ud83c\udca1`,
		`\udca1\ud83c`,
		`\ud83c\\udca1`, `\ud83c\n\udca1`, `\ud83c `, `\ud83c\u0041`, `\ud83c\ud83c\udca1`, `\ud83c\udca1\udca1`,
		`\uDFFF`,
		`\uFFFF`, `\uFEFF`, `\"\u0000`,
		`\/\b`,
	} {
		docs = append(docs, `{"a":"`+s+`"}`, `{"`+s+`":1}`, `{"a":["x`+s+`y",{"b":null}]}`)
	}
	zeros := func(n int) string { return strings.Repeat("0", n) }
	for _, n := range []string{
		"0", "-0", "1e131071", "1e131072", "9.9e131071", "0.1e131072", "0.1e131073", "10e131070",
		"10e131071", "0.001e131074", "0.001e131075",
		"1e-16383", "1e-16384", "1.5e-16382", "1.5e-16383", "0e131072", "0e1073741822", "0e1073741823", "0e-16383",
		"0e-16384", "0.0e-16382", "0.0e-16383", "1e99999999999999999999", "0e99999999999999999999",
		"0e-99999999999999999999", "1E+5", "1E-0005", "1e00000000000000000000005",
		"1" + zeros(131071), "1" + zeros(131072), "0." + zeros(16382) + "1", "0." + zeros(16383) + "1",
		"1." + zeros(16383),
		"1." + zeros(16384), "1." + zeros(16384) + "e1", "1." + zeros(16385) + "e1", "-1e131072", "-1e131071",
		"0." + zeros(20000) + "e4000", "1" + zeros(140000) + "e-10000",
	} {
		docs = append(docs, `{"a":`+n+`}`, `{"a":[1,`+n+` ,"1e999999"]}`)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		`\u0000`, `\\`, `\ud800`, `\udfff`, `\ud83c\udca1`, `u0000`, `\"`, `\n`,
		`한`, `x`, `\u0031`, `\uDBFF`, `\uDC00`,
	}
	for range 1500 {
		var b strings.Builder
		for range rng.IntN(5) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		exponent := []int{0, 5, -16380, -16383, 131069, 131072}[rng.IntN(6)] + rng.IntN(4)
		number := fmt.Sprintf("%d.%s%de%d", rng.IntN(3), zeros(rng.IntN(3)), rng.IntN(20), exponent)
		docs = append(docs, `{"`+b.String()+`":"`+b.String()+`"}`, `{"n":`+number+`}`)
	}
	return docs
}

// MakeRecord refuses exactly those contents as not storable that PostgreSQL's jsonb refuses.
func TestFilesThatJSONBRefusesAreInvalidAndNoOthers(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	counts := map[bool]int{}
	for _, doc := range storableTexts() {
		_, made := store.MakeRecord(store.Origin{Source: fileid.ID{Path: "a.json"}}, []byte(doc))
		refused := errors.Is(made, store.ErrNUL) || errors.Is(made, store.ErrSurrogate) ||
			errors.Is(made, store.ErrNumber)
		if made != nil && !refused {
			t.Fatalf("%.200s: %v: the corpus is no JSON", doc, made)
		}
		_, err := s.DB().Exec(t.Context(), `SELECT $1::text::jsonb`, doc)
		var pg *pgconn.PgError
		if err != nil && !errors.As(err, &pg) {
			t.Fatal(err)
		}
		if counts[refused]++; refused != (err != nil) {
			t.Errorf("%.200s: MakeRecord says %v, PostgreSQL %v", doc, made, err)
		}
	}
	if counts[true] < 200 || counts[false] < 200 {
		t.Errorf("refused and stored: %v: the corpus is no test of both", counts)
	}
}
