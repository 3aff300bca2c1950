package safetensors

// maxDepth is how deep a value may be nested that is passed over.
const maxDepth = 128

// skip reads a value of any kind and passes it over.
func (s *scanner) skip() error {
	var open []byte // what ends the objects and lists that are open
	for {
		// A value, or the beginning of one.
		switch c := s.peek(); c {
		case '{', '[':
			s.at++
			end := c + 2 // } or ]
			if s.peek() == end {
				s.at++
				break
			}
			if open = append(open, end); len(open) > maxDepth {
				return s.errorf("a value nested more than %d deep", maxDepth)
			}
			if c == '{' {
				if err := s.key(); err != nil {
					return err
				}
			}
			continue
		case '"':
			if _, err := s.text(); err != nil {
				return err
			}
		default:
			if err := s.word(); err != nil {
				return err
			}
		}
		// What follows a value.
		for len(open) > 0 && s.peek() == open[len(open)-1] {
			s.at++
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
		if open[len(open)-1] == '}' {
			if err := s.key(); err != nil {
				return err
			}
		}
	}
}

// key passes over what stands before a value in an object.
func (s *scanner) key() error {
	if _, err := s.text(); err != nil {
		return err
	}
	return s.expect(':')
}

// word passes over a number, true, false or null.
func (s *scanner) word() error {
	rest := s.b[s.at:]
	for _, w := range []string{"true", "false", "null"} {
		if len(rest) >= len(w) && string(rest[:len(w)]) == w {
			s.at += len(w)
			return nil
		}
	}
	start := s.at
	s.sign("-")
	whole := s.at
	ok := s.digits() && (s.b[whole] != '0' || s.at == whole+1)
	if ok && s.at < len(s.b) && s.b[s.at] == '.' {
		s.at++
		ok = s.digits()
	}
	if ok && s.at < len(s.b) && s.b[s.at]|0x20 == 'e' {
		s.at++
		s.sign("+-")
		ok = s.digits()
	}
	if !ok {
		s.at = start
		return s.errorf("want a value")
	}
	return nil
}

// sign passes over one of the bytes of signs, if it comes next.
func (s *scanner) sign(signs string) {
	for i := range len(signs) {
		if s.at < len(s.b) && s.b[s.at] == signs[i] {
			s.at++
			return
		}
	}
}

// digits passes over digits, and reports whether there are any.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.b) && '0' <= s.b[s.at] && s.b[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
