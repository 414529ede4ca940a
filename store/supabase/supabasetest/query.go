package supabasetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query is a request on its way to becoming SQL.
type query struct {
	method string
	name   string
	header http.Header
	body   []byte
	role   string
	limits limits

	function bool // name is of a function, not of a table

	schema string
	table  *table
	values url.Values
	prefer map[string]string
	args   args
}

// args are a statement's parameters. Without a type PostgreSQL infers it from
// the column compared with, and refuses what does not fit with its own error.
type args struct {
	values [][]byte
	types  []uint32
}

const (
	typeInferred = 0
	typeJSON     = 114
	typeText     = 25
)

func (a *args) add(v []byte, typ uint32) string {
	a.values = append(a.values, v)
	a.types = append(a.types, typ)
	return "$" + strconv.Itoa(len(a.values))
}

// preferences joins all Prefer headers. docs.postgrest.org, Prefer Header
func preferences(h http.Header) map[string]string {
	prefs := map[string]string{}
	for _, line := range h.Values("Prefer") {
		for item := range strings.SplitSeq(line, ",") {
			if k, v, ok := strings.Cut(strings.TrimSpace(item), "="); ok {
				if _, twice := prefs[k]; !twice {
					prefs[k] = v
				}
			}
		}
	}
	return prefs
}

// pickSchema follows docs.postgrest.org, Schemas, "Multiple Schemas".
func pickSchema(profile string, exposed []string) (string, error) {
	if profile == "" {
		return exposed[0], nil
	}
	if !slices.Contains(exposed, profile) {
		err := pgrst(http.StatusNotAcceptable, "PGRST106", "Invalid schema: "+profile)
		err.hint = "Only the following schemas are exposed: " + strings.Join(exposed, ", ")
		return "", err
	}
	return profile, nil
}

// singular asks for one object instead of an array, and has a request fail, and
// roll back, that has not exactly one row. It is modelled for POST alone.
// docs.postgrest.org, Resource Representation, "Singular or Plural"
const singular = "application/vnd.pgrst.object+json"

// acceptable refuses what would silently come in another form.
// docs.postgrest.org, Resource Representation, and Errors, PGRST107
func acceptable(method, accept string) error {
	if accept == "" || accept == singular && method == http.MethodPost {
		return nil
	}
	for item := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		switch media {
		case "*/*", "application/*", "application/json":
			return nil
		}
	}
	if strings.Contains(accept, "vnd.pgrst") || strings.Contains(accept, "text/csv") || strings.Contains(accept, "geo+json") {
		return notModelled("Accept: " + accept)
	}
	return pgrst(http.StatusNotAcceptable, "PGRST107", "None of these media types are available: "+accept)
}

func badQuery(message, details string) error {
	err := pgrst(http.StatusBadRequest, "PGRST100", message)
	err.details = details
	return err
}

// column is an item of select.
type column struct{ expr, as string }

// selection parses select. docs.postgrest.org, Tables and Views, "Vertical
// Filtering" with "Renaming Columns" and "Casting Columns". An unknown column is
// left for PostgreSQL to refuse (42703), as PostgREST does. So a function over the
// row, in the exposed schema, is a column that * does not stand for: PostgreSQL
// takes table.name for name(table). docs.postgrest.org, Computed Fields
func (q *query) selection() ([]column, error) {
	text := q.values.Get("select")
	if text == "" {
		text = "*"
	}
	var cols []column
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "*" {
			for _, c := range q.table.columns {
				cols = append(cols, column{q.column(c.name), ident(c.name)})
			}
			continue
		}
		c, err := q.selectItem(item)
		if err != nil {
			return nil, err
		}
		cols = append(cols, c)
	}
	return cols, nil
}

func (q *query) selectItem(item string) (column, error) {
	switch {
	case item == "":
		return column{}, badQuery(`"failed to parse select parameter (`+q.values.Get("select")+`)"`, "unexpected end of input")
	case strings.ContainsAny(item, `("`) || strings.Contains(item, "->"):
		return column{}, notModelled("embedding, aggregates, quotes and JSON paths in select: " + item)
	}
	name, cast, isCast := strings.Cut(item, "::")
	alias, col, renamed := strings.Cut(name, ":")
	if !renamed {
		alias, col = name, name
	}
	c := column{expr: q.column(col), as: ident(alias)}
	if isCast {
		if strings.ContainsFunc(cast, func(r rune) bool {
			return r != '_' && r != ' ' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return column{}, badQuery(`"failed to parse select parameter (`+item+`)"`, "bad type in cast")
		}
		c.expr = "cast(" + c.expr + " as " + cast + ")"
	}
	return c, nil
}

// ordering parses order. docs.postgrest.org, Tables and Views, "Ordering"
func (q *query) ordering() (string, error) {
	text := q.values.Get("order")
	if text == "" {
		return "", nil
	}
	words := map[string]string{
		"asc": "asc", "desc": "desc", "nullsfirst": "nulls first", "nullslast": "nulls last",
	}
	var terms []string
	for item := range strings.SplitSeq(text, ",") {
		name, rest, more := strings.Cut(item, ".")
		if strings.Contains(name, "->") || strings.ContainsAny(item, `("`) {
			return "", notModelled("order by JSON paths, quotes and embedded tables: " + item)
		}
		term := q.column(name)
		for more {
			var word string
			word, rest, more = strings.Cut(rest, ".")
			sql, ok := words[word]
			if !ok || name == "" {
				return "", badOrder(text, word)
			}
			term += " " + sql
		}
		terms = append(terms, term)
	}
	return " order by " + strings.Join(terms, ", "), nil
}

// badOrder names the place where PostgREST's parser stops: behind what of the word it knows.
func badOrder(text, word string) error {
	at, details := strings.LastIndex(text, word), "unexpected "+strconv.Quote(word)
	for _, known := range []string{"asc", "desc", "nullsfirst", "nullslast"} {
		if more, ok := strings.CutPrefix(word, known); ok {
			at += len(known)
			details = "unexpected '" + more[:1] + `' expecting "," or end of input`
		}
	}
	return badQuery(fmt.Sprintf(`"failed to parse order (%s)" (line 1, column %d)`, text, at+1), details)
}

// window is the range of rows asked for; limit is -1 for all of them.
type window struct{ offset, limit int }

// window intersects limit and offset with the Range header, and caps the result
// at max-rows without telling. docs.postgrest.org, Pagination and Count;
// Configuration, db-max-rows
func (q *query) window() (window, error) {
	w := window{limit: -1}
	if v, err := strconv.Atoi(q.values.Get("offset")); err == nil && v > 0 {
		w.offset = v
	}
	if v, err := strconv.Atoi(q.values.Get("limit")); err == nil {
		if v < 0 {
			return w, unsatisfiable("Limit should be greater than or equal to zero.")
		}
		w.limit = v
	}
	if err := w.intersect(q.header.Get("Range")); err != nil {
		return w, err
	}
	if w.limit < 0 || w.limit > q.limits.maxRows {
		w.limit = q.limits.maxRows
	}
	return w, nil
}

func (w *window) intersect(header string) error {
	from, to, ok := strings.Cut(header, "-")
	first, err := strconv.Atoi(from)
	if !ok || err != nil {
		return nil // PostgREST ignores a Range it does not understand
	}
	end := -1
	if last, err := strconv.Atoi(to); err == nil {
		if end = last + 1; last < first {
			return unsatisfiable("The lower boundary must be lower than or equal to the upper boundary in the Range header.")
		}
	}
	if w.limit >= 0 && (end < 0 || w.offset+w.limit < end) {
		end = w.offset + w.limit
	}
	w.offset = max(w.offset, first)
	w.limit = -1
	if end >= 0 {
		w.limit = max(end-w.offset, 0)
	}
	return nil
}

func unsatisfiable(details string) error {
	err := pgrst(http.StatusRequestedRangeNotSatisfiable, "PGRST103", "Requested range not satisfiable")
	err.details = details
	return err
}
