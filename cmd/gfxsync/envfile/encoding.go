package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// saveAsUTF8 is what to do about another encoding. A byte order mark before UTF-8, as Windows PowerShell writes it,
// does no harm.
const saveAsUTF8 = "open it in Notepad, choose Save As, and there the encoding UTF-8 (in PowerShell, write it with " +
	"Out-File -Encoding utf8)"

// checkEncoding refuses what is not UTF-8, and names it where it can be told.
func checkEncoding(content []byte) error {
	name := ""
	switch zeros := bytes.Count(content, []byte{0}); {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")),
		zeros > 0 && zeros >= len(content)/4:
		name = "UTF-16, as > and Out-File of Windows PowerShell write it"
	case utf8.Valid(content):
		return nil
	case mayBeCP949(content):
		name = "CP949, which Korean Windows calls ANSI"
	default:
		return errors.New("the file is not UTF-8: " + saveAsUTF8)
	}
	return fmt.Errorf("the file is %s, and not UTF-8: %s", name, saveAsUTF8)
}

// mayBeCP949 says whether all bytes beyond ASCII come in pairs as in CP949 (Microsoft's code page 949, "Unified Hangul
// Code").
func mayBeCP949(content []byte) bool {
	for i := 0; i < len(content); i++ {
		if content[i] < utf8.RuneSelf {
			continue
		}
		if content[i] == 0x80 || content[i] == 0xff || i+1 == len(content) {
			return false
		}
		i++
		second := content[i]
		if (second < 'A' || second > 'Z') && (second < 'a' || second > 'z') && (second < 0x81 || second > 0xfe) {
			return false
		}
	}
	return true
}
