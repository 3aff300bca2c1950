package safetensors

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/safetext"
)

// A scanner reads JSON of the one shape that a header may have. Since that
// shape has a fixed depth, it needs no recursion, and nothing in a header can
// exhaust the stack. encoding/json will not do: it lets pass names that occur
// twice, invalid UTF-8, half surrogates and fields in the wrong case.
type scanner struct {
	b  []byte
	at int
}

// object reads an object and calls field after each key; field reads the value.
// The key is valid only until then.
func (s *scanner) object(field func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return field(key)
	})
}

// numbers reads an array of whole numbers.
func (s *scanner) numbers(number func(uint64) error) error {
	return s.list('[', ']', func() error {
		v, err := s.number()
		if err != nil {
			return err
		}
		return number(v)
	})
}

// list reads what stands between opening and closing, separated by commas.
func (s *scanner) list(opening, closing byte, item func() error) error {
	if err := s.expect(opening); err != nil {
		return err
	}
	if s.peek() == closing {
		s.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() == closing {
			s.at++
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// number reads a whole number that fits 64 bits.
func (s *scanner) number() (uint64, error) {
	s.space()
	start := s.at
	var v uint64
	fits := true
	for ; s.at < len(s.b) && '0' <= s.b[s.at] && s.b[s.at] <= '9'; s.at++ {
		hi, lo := bits.Mul64(v, 10)
		sum, carry := bits.Add64(lo, uint64(s.b[s.at]-'0'), 0)
		v, fits = sum, fits && hi == 0 && carry == 0
	}
	digits := s.at - start
	more := s.at < len(s.b) && strings.IndexByte("+-.eE", s.b[s.at]) >= 0
	if digits == 0 || digits > 1 && s.b[start] == '0' || !fits || more {
		s.at = start
		return 0, s.errorf("want a whole number of at most 64 bits")
	}
	return v, nil
}

// text reads a string. The bytes are valid until the header is.
func (s *scanner) text() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	start := s.at
	var decoded []byte // nil while there was no escape
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			text := s.b[start:s.at]
			if decoded != nil {
				text = append(decoded, text...)
			}
			s.at++
			return text, nil
		case c == '\\':
			decoded = append(decoded, s.b[start:s.at]...)
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			decoded = utf8.AppendRune(decoded, r)
			start = s.at
		case c < 0x20:
			return nil, s.errorf("control character in a string")
		default:
			s.at++
		}
	}
	return nil, s.errorf("the header ends within a string")
}

// escape reads what a backslash begins.
func (s *scanner) escape() (rune, error) {
	if s.at+1 < len(s.b) {
		c := s.b[s.at+1]
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
			s.at += 2
			return rune("\"\\/\b\f\n\r\t"[i]), nil
		}
		if r, ok := s.hex(); ok {
			if !utf16.IsSurrogate(r) {
				s.at += 6
				return r, nil
			}
			s.at += 6
			if low, ok := s.hex(); ok {
				if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
					s.at += 6
					return r, nil
				}
			}
			s.at -= 6
			return 0, s.errorf("half a surrogate pair")
		}
	}
	return 0, s.errorf("invalid escape")
}

// hex returns the value of an escape of the form \uXXXX that comes next.
func (s *scanner) hex() (rune, bool) {
	if len(s.b)-s.at < 6 || s.b[s.at] != '\\' || s.b[s.at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.b[s.at+2 : s.at+6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// expect reads c, after any white space.
func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.errorf("want %q", c)
	}
	s.at++
	return nil
}

// peek returns the next byte after any white space, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\n' || s.b[s.at] == '\r' || s.b[s.at] == '\t') {
		s.at++
	}
}

// errorf says what is wrong, and what is found where.
func (s *scanner) errorf(format string, args ...any) error {
	found := "the header ends"
	if s.at < len(s.b) {
		rest := s.b[s.at:min(len(s.b), s.at+16)]
		for len(rest) > 0 && !utf8.Valid(rest) { // a rune cut in two
			rest = rest[:len(rest)-1]
		}
		found = "found " + safetext.Quote(string(rest))
	}
	return checkpoint.Malformed("malformed safetensors: "+format+": %s at byte %d", append(args, found, 8+s.at)...)
}
