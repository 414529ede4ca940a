package local

import (
	"fmt"
	"strings"
)

// md5Of is an SQL expression for the MD5 of the text @ (RFC 1321). SQLite has no such function. A function that gfxsync
// adds to SQLite would be missing in other programs that read the file.
//
// Each block takes 65 steps: 64 rounds, and a last step that adds the values from the beginning of the block. The hex
// digits in sines are the table T of the RFC. The digits in shifts are the number of bits that each round rotates.
var md5Of = strings.NewReplacer(
	"32BITS", "& 4294967295", "SINE", wordAt("sines", "j"), "WORD", wordAt("hex", "block * 16 + k"),
).Replace(`(
	WITH RECURSIVE
	input (digits, bytes) AS (SELECT hex(CAST(@ AS BLOB)), length(CAST(@ AS BLOB))),
	message (hex, blocks) AS (
		SELECT digits || '80' || hex(zeroblob((119 - bytes % 64) % 64)) ||
			printf('%02X%02X%02X0000000000', bytes * 8 & 255, (bytes >> 5) & 255, (bytes >> 13) & 255),
			(bytes + 72) / 64
		FROM input
	),
	constant (shifts, sines) AS (VALUES ('07121722050914200411162306101521',
		'78A46AD756B7C7E8DB702024EECEBDC1AF0F7CF52AC68747134630A8019546FDD8988069AFF7448BB15BFFFFBED75C89'
		|| '2211906B937198FD8E4379A62108B44962251EF640B340C0515A5E26AAC7B6E95D102FD65314440281E6A1D8C8FBD3E7'
		|| 'E6CDE121D60737C3870DD5F4ED145A4505E9E3A9F8A3EFFCD9026F678A4C2A8D4239FAFF81F6718722619D6D0C38E5FD'
		|| '44EABEA4A9CFDE4B604BBBF670BCBFBEC67E9B28FA27A1EA8530EFD4051D880439D0D4D9E599DBE6F87CA21F6556ACC4'
		|| '442229F497FF2A43A72394AB39A093FCC3595B6592CC0C8F7DF4EFFFD15D84854F7EA86FE0E62CFE144301A3A111084E'
		|| '827E53F735F23ABDBBD2D72A91D386EB')),
	step (block, j, a, b, c, d, a0, b0, c0, d0) AS (
		VALUES (0, 0, 1732584193, 4023233417, 2562383102, 271733878, 1732584193, 4023233417, 2562383102, 271733878)
		UNION ALL
		SELECT block + (j = 64), (j + 1) % 65,
			CASE j WHEN 64 THEN (a + a0) 32BITS ELSE d END,
			CASE j WHEN 64 THEN (b + b0) 32BITS ELSE (b + (
				SELECT ((s << bits) | (s >> (32 - bits))) 32BITS FROM (
					SELECT bits, (a + mixed + SINE + WORD) 32BITS AS s FROM (
						SELECT CAST(substr(shifts, j / 16 * 8 + j % 4 * 2 + 1, 2) AS INTEGER) AS bits,
							CASE j / 16 WHEN 0 THEN j WHEN 1 THEN (5 * j + 1) % 16 WHEN 2 THEN (3 * j + 5) % 16
								ELSE 7 * j % 16 END AS k,
							CASE j / 16 WHEN 0 THEN (b & c) | (~b & d) WHEN 1 THEN (b & d) | (c & ~d)
								WHEN 2 THEN ((b | c) - (b & c) | d) - ((b | c) - (b & c) & d)
								ELSE (c | (b | ~d) 32BITS) - (c & (b | ~d) 32BITS) END AS mixed
					)
				)
			)) 32BITS END,
			CASE j WHEN 64 THEN (c + c0) 32BITS ELSE b END,
			CASE j WHEN 64 THEN (d + d0) 32BITS ELSE c END,
			CASE j WHEN 64 THEN (a + a0) 32BITS ELSE a0 END, CASE j WHEN 64 THEN (b + b0) 32BITS ELSE b0 END,
			CASE j WHEN 64 THEN (c + c0) 32BITS ELSE c0 END, CASE j WHEN 64 THEN (d + d0) 32BITS ELSE d0 END
		FROM step, message, constant WHERE block < blocks
	)
	SELECT printf('` + strings.Repeat("%02x", 16) + `', ` + lowestFirst("a", "b", "c", "d") + `)
	FROM step, message WHERE block = blocks
)`)

// wordAt returns an expression for a word of 32 bits in a text of hex digits. The lowest byte comes first.
func wordAt(digits, index string) string {
	var b strings.Builder
	for i := range 4 {
		for j := range 2 {
			fmt.Fprintf(&b, " + (instr('123456789ABCDEF', substr(%s, (%s) * 8 + %d, 1)) << %d)",
				digits, index, 2*i+j+1, 8*i+4-4*j)
		}
	}
	return "(" + strings.TrimPrefix(b.String(), " + ") + ")"
}

// lowestFirst returns expressions for the bytes of words of 32 bits, the lowest byte first.
func lowestFirst(words ...string) string {
	var bytes []string
	for _, w := range words {
		for i := range 4 {
			bytes = append(bytes, fmt.Sprintf("(%s >> %d) & 255", w, 8*i))
		}
	}
	return strings.Join(bytes, ", ")
}
