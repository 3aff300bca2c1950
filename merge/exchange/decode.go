package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// Decode returns a document as UTF-8, without a byte order mark. It reads UTF-16
// with one, which PowerShell writes, and the code page of a Japanese Windows
// (932), in which SuperMerger writes its history there, if the text can be
// nothing else. The note says what was decoded, or that something could not be.
func Decode(text []byte) (utf8Text []byte, note string, err error) {
	if rest, ok := bytes.CutPrefix(text, []byte("\ufeff")); ok {
		text = rest
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.IndexByte(text, 0) >= 0:
		if isWide(text) {
			return nil, "", errors.New("the text is UTF-16, without the mark that tells which: save it as UTF-8")
		}
		return nil, "", errors.New("the text has zero bytes in it: save it as UTF-8")
	case utf8.Valid(text):
		return text, "", nil
	case isCP932(text):
		if s, err := japanese.ShiftJIS.NewDecoder().Bytes(text); err == nil {
			return s, "the text is in the code page 932 (Japanese Windows), and was decoded", nil
		}
	}
	if order == nil {
		return text, "the text is not UTF-8, and its code page cannot be told: names with other signs than ASCII are not what they were; save it as UTF-8", nil
	}
	text = text[2:]
	if len(text)%2 != 0 {
		return nil, "", errors.New("the text begins as UTF-16 does, and ends within a sign")
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return []byte(string(utf16.Decode(units))), "", nil
}

// isWide reports whether text, which has zero bytes, has them as ASCII in UTF-16
// does: all in second places, or all in first ones.
func isWide(text []byte) bool {
	var zeros [2]bool
	for i, b := range text {
		zeros[i%2] = zeros[i%2] || b == 0
	}
	return zeros[0] != zeros[1]
}

// isCP932 reports whether text can only be in the code page 932: all of it is
// ASCII and pairs of that code page, and some are kana. Katakana of half width,
// which are single bytes there, are what Chinese and Korean pairs look like.
func isCP932(text []byte) bool {
	kana := false
	for i := 0; i < len(text); i++ {
		first := text[i]
		if first < 0x80 {
			continue
		}
		if i++; i == len(text) {
			return false
		}
		second := text[i]
		lead := first >= 0x81 && first <= 0x9f || first >= 0xe0 && first <= 0xfc
		if !lead || second < 0x40 || second == 0x7f || second > 0xfc {
			return false
		}
		kana = kana || first == 0x82 && second >= 0x9f && second <= 0xf1 || first == 0x83 && second >= 0x40 && second <= 0x96
	}
	return kana
}
