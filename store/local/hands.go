package local

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed hands.sql
var handsTemplate string

// schema003 makes the views gfx_hands, gfx_hand_players, gfx_events and gfx_players. Like every migration, it must not
// change after it was released, because files that have had it keep the old views.
var schema003 = handsSQL()

// handsSQL fills the template with SQL expressions. Each reads one value of a JSON document, and is null if the value
// has another type than expected.
func handsSQL() string {
	const null = "NULL"
	t := template.New("hands.sql").Funcs(template.FuncMap{
		"text":    textOf,
		"time":    func(of, field string) string { return typed(of, field, null, "text", timeOrNull) },
		"integer": integerOf,
		"number": func(of, field, missing string) string {
			return typed(of, field, missing, "integer", "@", "real", "@")
		},
		"boolean": func(of, field, missing string) string {
			return typed(of, field, missing, "true", "1", "false", "0")
		},
		"duration": func(of, field, missing string) string {
			return typed(of, field, missing, "text", durationSeconds)
		},
		"each": each,
		"card": func() string {
			return typed(item, "BoardCards", null, "text", "@", "array", textOf(item, "BoardCards[0]"))
		},
		"cards":  func() string { return cards },
		"player": func() string { return nameOf("Name") + " || ':' || " + nameOf("LongName") },
		"winner": func() string {
			growth := integerOf(item, "EndStackAmt", "0") + " - " + integerOf(item, "StartStackAmt", "0")
			return "FROM " + each("d.hand", "Players") + " WHERE " + growth + " > 0 ORDER BY " + growth +
				" DESC, i.key LIMIT 1"
		},
		"md5":  func(of string) string { return strings.ReplaceAll(md5Of, "@", of) },
		"item": func() string { return item },
	})
	var sql strings.Builder
	if err := template.Must(t.Parse(handsTemplate)).Execute(&sql, nil); err != nil {
		panic(err) // the template does not fit its functions
	}
	return sql.String()
}

// each returns a table of the elements of a list. The table is called i. It is empty if there is no list.
func each(of, field string) string {
	return fmt.Sprintf("json_each(CASE json_type(%[1]s, '$.%[2]s') WHEN 'array' THEN %[1]s END, '$.%[2]s') AS i",
		of, field)
}

// item is an element of each, or null if the element is not an object. SQLite's JSON functions fail for a text that is
// not JSON.
const item = "CASE i.type WHEN 'object' THEN i.value END"

// typed returns an expression for the value of a field, depending on its JSON type. The pairs are a JSON type and an
// expression, in which @ stands for the value. A field that is missing or null gives the expression missing. A value of
// any other type gives null.
func typed(of, field, missing string, pairs ...string) string {
	path := fmt.Sprintf("(%s, '$.%s')", of, field)
	var b strings.Builder
	fmt.Fprintf(&b, "CASE coalesce(json_type%s, 'null') WHEN 'null' THEN %s", path, missing)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, " WHEN '%s' THEN %s", pairs[i], strings.ReplaceAll(pairs[i+1], "@", "json_extract"+path))
	}
	return b.String() + " END"
}

func textOf(of, field string) string { return typed(of, field, "NULL", "text", "@") }

// integerOf gives null for a number of more than 64 bits. SQLite would make it a floating-point number.
func integerOf(of, field, missing string) string {
	return typed(of, field, missing, "integer", "CASE typeof(@) WHEN 'integer' THEN @ END")
}

func nameOf(field string) string { return "lower(trim(coalesce(" + textOf(item, field) + ", '')))" }

// timeOrNull requires a date. SQLite would also take a number, as a Julian day, for a time.
const timeOrNull = "CASE WHEN @ GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime(@) IS NOT NULL THEN @ END"

// durationSeconds parses a duration of ISO 8601 (P739542DT13H6M38.43S) from left to right. In it, rest is the text that
// is left, and units are the units that may still follow. Years and months are not allowed, because their length
// varies; store.Extras has the same rule.
const (
	durationSeconds = `(WITH RECURSIVE part (rest, units, seconds) AS (
		SELECT substr(@, 2), 'WDTHMS', 0 WHERE @ GLOB 'P?*'
		UNION ALL
		SELECT substr(` + fromUnit + `, 2), substr(units, instr(units, ` + unit + `) + 1),
			seconds + CAST(rest AS REAL) * CASE ` + unit + `
				WHEN 'W' THEN 604800 WHEN 'D' THEN 86400 WHEN 'H' THEN 3600 WHEN 'M' THEN 60 WHEN 'S' THEN 1 ELSE 0 END
		FROM part
		WHERE ` + unit + ` <> '' AND instr(units, ` + unit + `) > 0
			AND (` + unit + ` IN ('W', 'D', 'T') OR instr(units, 'T') = 0)
			AND CASE ` + unit + ` WHEN 'T' THEN rest GLOB 'T?*'
				ELSE rest GLOB '[0-9]*'
					AND substr(rest, 1, length(rest) - length(` + fromUnit + `)) NOT GLOB '*.*.*' END
	)
	SELECT CAST(seconds AS INTEGER) FROM part WHERE rest = '' AND seconds < 9e18)`

	fromUnit = `ltrim(rest, '0123456789.')`
	unit     = `substr(` + fromUnit + `, 1, 1)`
)

// cards is the list of a player's cards. ["8c 2s"] and ["8c","2s"] both give two cards.
const cards = `(SELECT json_group_array(card) FROM (
		SELECT c.value AS card
		FROM json_each(
				CASE json_type(` + item + `, '$.HoleCards') WHEN 'array' THEN ` + item + ` END, '$.HoleCards') AS list,
			json_each(
				CASE list.type WHEN 'text' THEN '[' || replace(json_quote(list.value), ' ', '","') || ']' END) AS c
		WHERE c.value <> '' ORDER BY list.key, c.key
	))`
