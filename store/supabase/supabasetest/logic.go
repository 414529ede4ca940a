package supabasetest

import (
	"slices"
	"strconv"
	"strings"
)

// field is a column, or a value inside one of type json or jsonb: raw_json->Hands->15. A number is an index, anything
// else a key. After ->> the value is text. docs.postgrest.org, Tables and Views, "JSON Columns"; PostgREST's
// QueryParams.hs, pField and pJsonPath
func (q *query) field(name string) (string, error) {
	column, path, _ := strings.Cut(name, "->")
	sql := q.column(column)
	if path == "" {
		return sql, nil
	}
	for item := range strings.SplitSeq(path, "->") {
		arrow, key := "->", item
		if text, asText := strings.CutPrefix(item, ">"); asText {
			arrow, key = "->>", text
		}
		switch digits := strings.TrimPrefix(key, "-"); {
		case digits == "", strings.ContainsAny(key, `"'\`):
			return "", notModelled("quotes and empty keys in JSON paths: " + name)
		case strings.Trim(digits, "0123456789") == "":
			sql += arrow + key
		default:
			sql += arrow + "'" + key + "'"
		}
	}
	return "(" + sql + ")", nil
}

// logic reads what stands behind or= and and=: conditions and further operators in parentheses, separated by commas.
// docs.postgrest.org, Tables and Views, "Logical operators"; PostgREST's QueryParams.hs, pLogicTree
func (q *query) logic(operator, text string) (string, error) {
	items, closed := splitOutside(text)
	if !closed || slices.Contains(items, "") {
		message := `"failed to parse logic tree (` + text + `)" (line 1, column ` + strconv.Itoa(len(operator)+2) + ")"
		return "", badQuery(message, `unexpected ")" expecting field name (* or [a..z0..9_$]), `+
			"negation operator (not) or logic operator (and, or)")
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
		rest, ok := strings.CutPrefix(item, operator)
		if rest = strings.TrimSpace(rest); ok && strings.HasPrefix(rest, "(") {
			return q.logic(operator, rest)
		}
	}
	if strings.HasPrefix(item, "not.") || strings.Contains(item, `"`) {
		return "", notModelled("negation and quotes in a logic tree: " + item)
	}
	name, condition, _ := strings.Cut(item, ".")
	return q.condition(name, condition)
}

// splitOutside splits what stands in the first parentheses, at the commas that stand in no further ones and in no
// braces. Spaces around an item do not count, nor does what follows the parentheses. It says whether the parentheses
// are closed.
func splitOutside(text string) (items []string, closed bool) {
	depth, begin := 0, 1
	for i, c := range text {
		switch {
		case i == 0 && c != '(':
			return nil, false
		case c == '(', c == '{':
			depth++
		case c == ')' && depth == 1:
			return append(items, strings.TrimSpace(text[begin:i])), true
		case c == ')', c == '}':
			depth--
		case c == ',' && depth == 1:
			items, begin = append(items, strings.TrimSpace(text[begin:i])), i+1
		}
	}
	return nil, false
}
