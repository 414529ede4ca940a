package supabasetest

import (
	"slices"
	"strings"
)

// field is a column, or a value inside one of type json or jsonb: raw_json->Hands->15. A digit sequence is an index,
// anything else a key. docs.postgrest.org, Tables and Views, "JSON Columns"; PostgREST's QueryParams.hs, pField and
// pJsonPath
func (q *query) field(name string) (string, error) {
	column, path, _ := strings.Cut(name, "->")
	sql := q.column(column)
	if path == "" {
		return sql, nil
	}
	for item := range strings.SplitSeq(path, "->") {
		switch key, asText := strings.CutPrefix(item, ">"); {
		case asText, key == "", strings.ContainsAny(key, `"'\`):
			return "", notModelled("->>, quotes and empty keys in JSON paths: " + name)
		case strings.Trim(key, "0123456789") == "":
			sql += "->" + key
		default:
			sql += "->'" + key + "'"
		}
	}
	return sql, nil
}

// logic reads what stands behind or= and and=: conditions and further operators in parentheses, separated by commas.
// docs.postgrest.org, Tables and Views, "Logical operators"; PostgREST's QueryParams.hs, pLogicTree
func (q *query) logic(operator, text string) (string, error) {
	inner, opened := strings.CutPrefix(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	items := splitOutside(inner)
	if !opened || !closed || slices.Contains(items, "") {
		return "", badQuery(`"failed to parse logic tree (`+text+`)" (line 1, column 1)`, "unexpected end of input")
	}
	terms := make([]string, len(items))
	for i, item := range items {
		var err error
		if terms[i], err = q.logicItem(item); err != nil {
			return "", err
		}
	}
	return "(" + strings.Join(terms, " "+operator+" ") + ")", nil
}

func (q *query) logicItem(item string) (string, error) {
	for _, operator := range []string{"and", "or"} {
		if rest, ok := strings.CutPrefix(item, operator); ok && strings.HasPrefix(rest, "(") {
			return q.logic(operator, rest)
		}
	}
	if strings.HasPrefix(item, "not.") || strings.Contains(item, `"`) {
		return "", notModelled("negation and quotes in a logic tree: " + item)
	}
	name, condition, _ := strings.Cut(item, ".")
	return q.condition(name, condition)
}

// splitOutside splits at the commas that stand in no parentheses.
func splitOutside(text string) (items []string) {
	depth, begin := 0, 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				items, begin = append(items, text[begin:i]), i+1
			}
		}
	}
	return append(items, text[begin:])
}
