package supabasetest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// payload is what PostgREST learns of a body before PostgreSQL sees it.
type payload struct {
	object  bool // one object instead of an array
	columns []string
}

// parsePayload checks a body as PostgREST does: with ?columns= it is handed on
// unread, so that bad JSON fails in PostgreSQL with its SQLSTATE; without, the
// whole of it must parse and its objects must have the same keys.
// docs.postgrest.org, Tables and Views, "Bulk Insert" and "Specifying Columns";
// Errors, PGRST102
func parsePayload(body []byte, contentType string, columns []string) (payload, error) {
	if err := acceptsContent(contentType); err != nil {
		return payload{}, err
	}
	p := payload{object: looksLikeObject(body), columns: columns}
	if columns != nil {
		return p, nil
	}
	if !validJSON(body) {
		return payload{}, badBody("Empty or invalid json")
	}
	if p.object {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(body, &o); err != nil {
			return payload{}, badBody("Empty or invalid json")
		}
		p.columns = keys(o)
		return p, nil
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(body, &rows); err != nil {
		return payload{}, badBody("All object keys must match")
	}
	for i, row := range rows {
		if i == 0 {
			p.columns = keys(row)
		}
		if row == nil || !slices.Equal(p.columns, keys(row)) {
			return payload{}, badBody("All object keys must match")
		}
	}
	return p, nil
}

func acceptsContent(contentType string) error {
	if contentType == "" {
		return nil // PostgREST takes JSON for granted
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return badBody("Content-Type not acceptable: " + contentType)
	case media == "text/csv":
		return notModelled("CSV bodies")
	case media != "application/json":
		return badBody("Content-Type not acceptable: " + media)
	}
	return nil
}

func badBody(message string) error { return pgrst(http.StatusBadRequest, "PGRST102", message) }

func keys(o map[string]json.RawMessage) []string {
	all := make([]string, 0, len(o))
	for k := range o {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func looksLikeObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// validJSON is stricter than encoding/json, as PostgREST's parser (aeson) is:
// it refuses bytes that are not UTF-8 and surrogates that stand alone.
func validJSON(body []byte) bool {
	return utf8.Valid(body) && json.Valid(body) && pairedSurrogates(body)
}

// pairedSurrogates expects valid JSON, where a backslash is always an escape.
func pairedSurrogates(body []byte) bool {
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return true
		}
		body = body[i:]
		first, ok := escaped(body)
		if !ok {
			body = body[2:]
			continue
		}
		body = body[6:]
		if first < 0xD800 || first > 0xDFFF {
			continue
		}
		second, ok := escaped(body)
		if first > 0xDBFF || !ok || second < 0xDC00 || second > 0xDFFF {
			return false
		}
		body = body[6:]
	}
}

// escaped reads a \uXXXX at the start of b.
func escaped(b []byte) (uint64, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return v, err == nil
}

// countRows is for the journal: as well as it can, and never an error.
func countRows(method string, body []byte) int {
	if method != http.MethodPost {
		return 0
	}
	if looksLikeObject(body) {
		return 1
	}
	var rows []json.RawMessage
	if json.Unmarshal(body, &rows) != nil {
		return 0
	}
	return len(rows)
}
