package supabasetest

import (
	"slices"
	"strconv"
	"strings"
)

// operators are those of docs.postgrest.org, Tables and Views, "Operators",
// that the agent has a use for.
var operators = map[string]string{
	"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "like", "ilike": "ilike",
	"cs": "@>",
}

var reserved = []string{"select", "order", "limit", "offset", "columns", "on_conflict", "apikey"}

// where turns the remaining parameters into conditions, all of which must hold.
func (q *query) where() (string, error) {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		if !slices.Contains(reserved, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var conditions []string
	for _, name := range names {
		if strings.ContainsAny(name, `."`) {
			return "", notModelled("the filter " + name)
		}
		for _, value := range q.values[name] {
			condition, err := "", error(nil)
			if name == "or" || name == "and" {
				condition, err = q.logic(name, value)
			} else {
				condition, err = q.condition(name, value)
			}
			if err != nil {
				return "", err
			}
			conditions = append(conditions, condition)
		}
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " where " + strings.Join(conditions, " and "), nil
}

func (q *query) condition(name, text string) (string, error) {
	rest, negated := strings.CutPrefix(text, "not.")
	op, value, ok := strings.Cut(rest, ".")
	if !ok {
		unexpected := "end of input"
		if text != "" {
			unexpected = strconv.Quote(text[:1])
		}
		return "", badQuery(`"failed to parse filter (`+text+`)" (line 1, column 1)`,
			"unexpected "+unexpected+` expecting "not" or operator (eq, gt, ...)`)
	}
	left, err := q.field(name)
	if err != nil {
		return "", err
	}
	sql, err := q.comparison(left, op, value)
	if err != nil {
		return "", err
	}
	if sql == "" {
		return "", badFilter(text)
	}
	if negated {
		sql = "not " + sql
	}
	return sql, nil
}

func (q *query) comparison(col, op, value string) (string, error) {
	switch op {
	case "is":
		words := map[string]string{
			"null": "null", "not_null": "not null", "true": "true", "false": "false", "unknown": "unknown",
		}
		if word, ok := words[strings.ToLower(value)]; ok {
			return "(" + col + ") is " + word, nil
		}
		return "", nil
	case "in":
		list, ok := parseList(value)
		if !ok {
			return "", nil
		}
		return col + " = any (" + q.args.add([]byte(arrayLiteral(list)), typeInferred) + ")", nil
	case "like", "ilike":
		value = strings.ReplaceAll(value, "*", "%") // as % needs escaping in URLs
	}
	if sql, ok := operators[op]; ok {
		return col + " " + sql + " " + q.args.add([]byte(value), typeInferred), nil
	}
	word, _, _ := strings.Cut(op, "(")
	if slices.Contains([]string{
		"match", "imatch", "isdistinct", "fts", "plfts", "phfts", "wfts", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj",
	}, word) || op != word {
		return "", notModelled("the operator " + op)
	}
	return "", nil
}

func badFilter(text string) error {
	return badQuery(`"failed to parse filter (`+text+`)" (line 1, column 1)`, "unexpected "+strconv.Quote(text))
}

// parseList reads (a,"b,c"); inside quotes a backslash escapes. Spaces after the
// parenthesis do not count. docs.postgrest.org, Tables and Views, "Operators" and
// URL Grammar, "Reserved Characters"; PostgREST's QueryParams.hs, pListVal
func parseList(text string) ([]string, bool) {
	if len(text) < 2 || text[0] != '(' || text[len(text)-1] != ')' {
		return nil, false
	}
	text = strings.TrimLeft(text[1:len(text)-1], " ")
	if text == "" {
		return nil, true
	}
	var list []string
	for {
		value, rest := parseListItem(text)
		list = append(list, value)
		if rest == "" {
			return list, true
		}
		text = rest[1:]
	}
}

// parseListItem returns the rest from the comma on. What is not a whole quoted
// value is taken as it stands.
func parseListItem(text string) (value, rest string) {
	if value, rest, ok := parseQuoted(text); ok {
		return value, rest
	}
	if i := strings.IndexByte(text, ','); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

func parseQuoted(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			rest = text[i+1:]
			return b.String(), rest, rest == "" || rest[0] == ','
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// arrayLiteral lets PostgreSQL infer the element's type from the column.
func arrayLiteral(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		v = strings.ReplaceAll(v, `\`, `\\`)
		quoted[i] = `"` + strings.ReplaceAll(v, `"`, `\"`) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
