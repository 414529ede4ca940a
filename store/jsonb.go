package store

import "errors"

// Errors of MakeRecord for valid JSON that PostgreSQL's type jsonb refuses. jsonb refuses \u0000 and half a surrogate
// pair, and keeps numbers as numeric (PostgreSQL documentation, "JSON Types"). One such file would fail a whole
// request.
var (
	ErrNUL = errors.New(`a text in the file has the character NUL (\u0000), which the database cannot store; ` +
		`remove it from the name or title in PokerGFX and save the session again`)
	ErrSurrogate = errors.New(`a text in the file has half a character (a surrogate such as \ud800 without its ` +
		`pair), which the database cannot store; type the name or title anew in PokerGFX and save the session again`)
	ErrNumber = errors.New(`a number in the file is beyond what the database can store ` +
		`(131,072 digits before the point, 16,383 after it); correct it in PokerGFX and save the session again`)
)

// checkJSONB fails if jsonb does not take b, which must be valid JSON. It reads b once and allocates no memory.
func checkJSONB(b []byte) error {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			end, err := checkString(b, i+1)
			if err != nil {
				return err
			}
			i = end
		case c == '-' || isDigit(c):
			begin := i
			for i+1 < len(b) && isNumberByte(b[i+1]) {
				i++
			}
			if !numericTakes(b[begin : i+1]) {
				return ErrNumber
			}
		}
	}
	return nil
}

// checkString checks a string that begins after its opening quote. It returns the position of the closing quote.
func checkString(b []byte, i int) (int, error) {
	for ; b[i] != '"'; i++ {
		if b[i] != '\\' {
			continue
		}
		if i++; b[i] != 'u' {
			continue
		}
		unit := hex4(b[i+1:])
		i += 4
		switch {
		case unit == 0:
			return i, ErrNUL
		case unit >= 0xdc00 && unit <= 0xdfff:
			return i, ErrSurrogate
		case unit >= 0xd800 && unit <= 0xdbff:
			if b[i+1] != '\\' || b[i+2] != 'u' {
				return i, ErrSurrogate
			}
			if low := hex4(b[i+3:]); low < 0xdc00 || low > 0xdfff {
				return i, ErrSurrogate
			}
			i += 6
		}
	}
	return i, nil
}

func hex4(b []byte) (unit uint32) {
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			unit = unit<<4 | uint32(c-'0')
		default:
			unit = unit<<4 | uint32(c|0x20-'a'+10)
		}
	}
	return unit
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNumberByte(c byte) bool {
	return isDigit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// The limits of the type numeric (PostgreSQL documentation, "Arbitrary Precision Numbers").
const (
	numericBefore   = 131_072   // digits before the point
	numericAfter    = 16_383    // digits after the point
	numericExponent = 1<<30 - 1 // even for the number 0 (numeric.c, set_var_from_str)
)

// numericTakes reports whether numeric takes a number of JSON. All written digits after the point count, zeros too.
// Before the point, leading zeros do not count.
func numericTakes(number []byte) bool {
	before, after, significant := 0, 0, false
	leading := 0 // number of zeros between the point and the first other digit
	i := 0
	if number[0] == '-' {
		i++
	}
	for ; i < len(number) && isDigit(number[i]); i++ {
		if significant = significant || number[i] != '0'; significant {
			before++
		}
	}
	if i < len(number) && number[i] == '.' {
		for i++; i < len(number) && isDigit(number[i]); i++ {
			after++
			if significant = significant || number[i] != '0'; !significant {
				leading++
			}
		}
	}
	exponent := 0
	if i < len(number) {
		exponent = exponentOf(number[i+1:])
	}
	if exponent >= numericExponent || exponent <= -numericExponent || after-exponent > numericAfter {
		return false
	}
	if before == 0 {
		before = -leading
	}
	return !significant || before+exponent <= numericBefore
}

// exponentOf parses an exponent. Its absolute value is at most numericExponent.
func exponentOf(text []byte) int {
	negative := text[0] == '-'
	n := 0
	for _, c := range text {
		if isDigit(c) {
			n = min(n*10+int(c-'0'), numericExponent)
		}
	}
	if negative {
		return -n
	}
	return n
}
