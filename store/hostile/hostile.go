// Package hostile makes files for tests that nobody should write and somebody will. Each file must become a row, or be
// refused with a reason. It must not stop other files. The package does not know which files are refused.
package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/gfxsync/gfxsync/store/sample"
)

// File is a content. The name says what is wrong with it, and can be used as a file name.
type File struct {
	Name    string
	Content []byte
}

// Files returns contents of at most half a MiB. Each has another hash. All calls return the same contents.
func Files() []File {
	return slices.Concat(
		noObjects(), encodings(), depths(), numbers(), texts(), fields(), sessionIDs(), keys(), truncated(),
	)
}

func file(name, content string) File { return File{Name: name, Content: []byte(content)} }

func noObjects() []File {
	return []File{
		file("empty", ""),
		file("spaces", " \r\n\t  "),
		file("null", "null"),
		file("true", "true"),
		file("number", "638961999170907267"),
		file("string", `"text"`),
		file("array", `[{"ID":1}]`),
		file("empty array", "[]"),
		file("two documents", `{"ID":1}{"ID":2}`),
		file("two documents on two lines", "{\"ID\":1}\n{\"ID\":2}\n"),
		file("comment", "{\"ID\":1 /* one */}"),
		file("comment at the end", "{\"ID\":1}\n// one\n"),
		file("trailing comma", `{"ID":1,}`),
		file("trailing comma in an array", `{"Hands":[{},]}`),
		file("single quotes", `{'ID':1}`),
		file("bare key", `{ID:1}`),
		file("NaN", `{"n":NaN}`),
		file("infinity", `{"n":-Infinity}`),
		file("hexadecimal", `{"n":0x10}`),
		file("leading zero", `{"n":01}`),
		file("leading plus", `{"n":+1}`),
		file("no digits after the point", `{"n":1.}`),
		file("control character in a string", "{\"x\":\"a\nb\"}"),
		file("unknown escape", `{"x":"\x41"}`),
		file("short escape", `{"x":"\u00"}`),
		file("closed twice", `{"ID":1}}`),
		file("closed by the other bracket", `{"Hands":[}`),
		file("zeros", strings.Repeat("\x00", 4096)),
		file("zeros after an object", `{"ID":1}`+strings.Repeat("\x00", 512)),
		file("zeros within an object", `{"ID":1`+strings.Repeat("\x00", 512)+`}`),
		file("HTML", "<html><body>502 Bad Gateway</body></html>"),
		file("a page of a program", "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"),
	}
}

func encodings() []File {
	const text = `{"ID":5,"EventTitle":"포커"}`
	return []File{
		file("BOM", "\xef\xbb\xbf"+text),
		file("BOM alone", "\xef\xbb\xbf"),
		file("BOM twice", "\xef\xbb\xbf\xef\xbb\xbf"+text),
		file("BOM after a space", " \xef\xbb\xbf"+text),
		file("BOM at the end", text+"\xef\xbb\xbf"),
		{"UTF-16 LE", inUTF16(text, binary.LittleEndian)},
		{"UTF-16 BE", inUTF16(text, binary.BigEndian)},
		{"UTF-16 LE without BOM", inUTF16(text, binary.LittleEndian)[2:]},
		file("CP949 in a string", "{\"EventTitle\":\"\xc6\xf7\xc4\xbf\"}"),
		file("Latin-1 in a key", "{\"caf\xe9\":1}"),
		file("half a letter", "{\"x\":\"\xed\x8f\"}"),
		file("overlong letter", "{\"x\":\"\xc0\xaf\"}"),
		file("surrogate in UTF-8", "{\"x\":\"\xed\xa0\x80\"}"),
		file("beyond Unicode", "{\"x\":\"\xf4\x90\x80\x80\"}"),
		file("no character", "{\"x\":\"\xef\xbf\xbf\"}"),
	}
}

func inUTF16(s string, order binary.AppendByteOrder) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func depths() (files []File) {
	for _, n := range []int{100, 1_000, 5_000, 9_000, 9_900, 9_990, 9_995, 9_998, 9_999, 10_000, 10_001, 100_000} {
		files = append(files,
			File{fmt.Sprintf("%d arrays deep", n), Nested(n, `[`, `]`)},
			File{fmt.Sprintf("%d objects deep", n), Nested(n, `{"a":`, `}`)})
	}
	arrays := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	return append(files,
		file("100000 arrays never closed", `{"a":`+strings.Repeat("[", 99_999)),
		file("100000 brackets in a string", `{"a":"`+strings.Repeat("[", 100_000)+`"}`),
		file("100000 arrays in the hands", `{"Hands":[{"Players":`+arrays(100_000)+`}]}`),
		file("5000 arrays in the players", `{"Hands":[{"Players":`+arrays(5_000)+`}]}`))
}

// Nested returns an object with nested values. It has n levels.
func Nested(n int, open, shut string) []byte {
	return []byte(`{"a":` + strings.Repeat(open, n-1) + `0` + strings.Repeat(shut, n-1) + `}`)
}

func numbers() []File {
	return []File{
		file("number of 200000 digits", `{"n":`+strings.Repeat("9", 200_000)+`}`),
		file("fraction of 200000 digits", `{"n":0.`+strings.Repeat("3", 200_000)+`}`),
		file("number beyond numeric", `{"n":1e200000}`),
		file("number beyond every exponent", `{"n":1e999999999999999999999}`),
		file("number too small for numeric", `{"n":1e-200000}`),
		file("number beyond float64", `{"n":1E400}`),
		file("minus zero", `{"n":-0}`),
		file("100000 numbers", `{"n":[`+strings.Repeat("1,", 99_999)+`1]}`),
	}
}

func texts() []File {
	const long = 1 << 18
	return []File{
		file("NUL escaped", `{"x":"\u0000"}`),
		file("NUL escaped in a known field", `{"EventTitle":"a\u0000b"}`),
		file("NUL escaped in a key", `{"a\u0000":1}`),
		file("lone high surrogate", `{"EventTitle":"\ud800"}`),
		file("lone low surrogate", `{"EventTitle":"\udc00x"}`),
		file("surrogates the wrong way round", `{"EventTitle":"\udca1\ud83c"}`),
		file("two high surrogates", `{"EventTitle":"\ud83c\ud83c\udca1"}`),
		file("surrogates in a key", `{"\ud800":1}`),
		file("a pair of surrogates", `{"EventTitle":"\ud83c\udca1"}`),
		file("string of 256 KiB", `{"x":"`+strings.Repeat("x", long)+`"}`),
		file("title of 256 KiB", `{"EventTitle":"`+strings.Repeat("x", long)+`"}`),
		file("title of escapes", `{"EventTitle":"`+strings.Repeat(`\u0001`, long/8)+`"}`),
		file("version of 256 KiB", `{"SoftwareVersion":"`+strings.Repeat("<", long)+`"}`),
		file("type of 256 KiB", `{"Type":"`+strings.Repeat("x", long)+`"}`),
		file("time of 256 KiB", `{"CreatedDateTimeUTC":"`+strings.Repeat("2", long)+`"}`),
		file("backslashes", `{"x":"`+strings.Repeat(`\\`, 10_000)+`"}`),
		file("quotes", `{"x":"`+strings.Repeat(`\"`, 10_001)+`"}`),
		file("what ends a record", `{"x":"\"raw_json\":","raw_json":{"raw_json":[]}}`),
		file("right to left and invisible", `{"EventTitle":"\u202etxet\u202c\u200b\ufeff\u2028\u0007"}`),
		file("combining marks", `{"EventTitle":"a`+strings.Repeat("\u0301", 10_000)+`"}`),
	}
}

// fields returns files in which each known field has each type.
func fields() (files []File) {
	for _, field := range []string{
		"ID", "Type", "EventTitle", "SoftwareVersion", "CreatedDateTimeUTC", "Hands", "Payouts",
	} {
		for i, value := range []string{
			"null", "true", "5", "-1.5e3", `""`, `"junk"`, "[]", "[[],{},null,1]", "{}",
			`{"Players":[{"Name":{}}]}`,
		} {
			files = append(files, file(fmt.Sprintf("%s of type %d", field, i), `{"`+field+`":`+value+`}`))
		}
	}
	for i, value := range []string{
		"null", "5", `"junk"`, "{}", `[null,1,"x",[],{"Name":7,"LongName":[],"PlayerNum":{}}]`,
		`[{"PlayerNum":1e400}]`,
	} {
		files = append(files, file(fmt.Sprintf("players of type %d", i), `{"Hands":[{"Players":`+value+`}]}`))
	}
	for _, at := range []string{
		"0000-00-00T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
		"9999-12-31T23:59:59.999999999Z", "2025-02-30T00:00:00Z",
	} {
		files = append(files, file("created "+strings.ReplaceAll(at, ":", ""), `{"CreatedDateTimeUTC":"`+at+`"}`))
	}
	return files
}

func sessionIDs() (files []File) {
	for i, id := range []string{
		`"638961999170907267"`, `" 638961999170907267 "`, `"   "`, `"x"`, `"\u0031"`, "1.0", "-1",
		"-9223372036854775808", "-9223372036854775809", "9223372036854775807", "9223372036854775808", "1e18",
		strings.Repeat("1", 5_000), `"1_000"`, `"+1"`, `"0x10"`, `"\"1\""`, `"""`, "[1]", "false",
	} {
		files = append(files, file(fmt.Sprintf("ID %d", i), `{"ID":`+id+`,"n":1}`))
	}
	return files
}

func keys() []File {
	var many strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&many, `"k%d":%d,`, i, i)
	}
	return []File{
		file("empty key", `{"":1}`),
		file("equal keys", `{"ID":1,"ID":2,"EventTitle":"a","EventTitle":7,"Hands":[{}],"Hands":null}`),
		file("50000 equal keys", `{`+strings.Repeat(`"a":1,`, 49_999)+`"a":2}`),
		file("50000 keys", `{`+many.String()+`"end":0}`),
		file("key of 256 KiB", `{"`+strings.Repeat("k", 1<<18)+`":1}`),
		file("escaped known key", `{"\u0049D":42}`),
		file("keys of another case", `{"id":1,"hands":[{}],"TYPE":"MAIN_TABLE"}`),
		file("keys that are paths", `{"Hands.#":1,"@this":2,"*":3,"..":4,"#(ID>1)":5}`),
		file("columns as keys", `{"file_hash":"x","session_id":"y","raw_json":null}`),
	}
}

// truncated returns the beginnings of a session of one hand, in about 200 lengths. A file that is still being written
// looks like that.
func truncated() (files []File) {
	content := Session()
	step := max(1, len(content)/200)
	for n := 1; n < len(content); n += step {
		files = append(files, File{fmt.Sprintf("cut after %d", n), content[:n]})
	}
	return files
}

// Session returns a complete session with a byte order mark and Korean letters. Tests cut it anywhere.
func Session() []byte {
	json := bytes.Replace(sample.New(1).Play(1).JSON(), []byte(`"EventTitle":"`), []byte(`"EventTitle":"포커 <1> `), 1)
	return append([]byte("\xef\xbb\xbf"), json...)
}

// Large returns contents of about size bytes. They are expensive if time or memory grows faster than the size.
func Large(size int) []File {
	fill := func(name, head, body, tail string) File {
		return file(name, head+strings.Repeat(body, max(1, (size-len(head)-len(tail))/len(body)))+tail)
	}
	return []File{
		fill("digits", `{"ID":`, "9", "}"),
		fill("digits alone", "", "9", ""),
		fill("open arrays", "", "[", ""),
		fill("open objects", "", `{"a":`, ""),
		fill("spaces", "", " ", ""),
		fill("spaces around an object", "{", " ", "}"),
		fill("title", `{"EventTitle":"`, "x", `"}`),
		fill("title of escapes", `{"EventTitle":"`, `\u0001`, `"}`),
		fill("string that never ends", `{"x":"`, "x", ""),
		fill("equal keys", `{`, `"ID":1,`, `"ID":2}`),
		fill("hands", `{"Hands":[`, `{},`, `{}]}`),
		fill("hands of numbers", `{"Hands":[`, `1,`, `1]}`),
		fill("payouts", `{"Payouts":[`, `1,`, `1]}`),
		fill("empty arrays", `{"Hands":[{"Players":[`, `[],`, `[]]}]}`),
		players(size),
	}
}

// players returns a hand with as many players as fit into the size.
func players(size int) File {
	b := append(make([]byte, 0, size+32), `{"Hands":[{"Players":[`...)
	for i := 0; len(b) < size-32; i++ {
		b = fmt.Appendf(b, `{"Name":"%x"},`, i)
	}
	return File{"players", append(b, `{}]}]}`...)}
}
