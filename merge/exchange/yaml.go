package exchange

import (
	"errors"
	"fmt"
	"strings"
)

// A yamlValue is what configurations in YAML are made of here: a scalar (string
// with plain or quoted text), []any or map[string]any. Plain scalars are typed
// by whoever reads them.
//
// This is the subset that people write merges in: block and flow collections,
// quoted and plain scalars, remarks. Anchors, tags, block scalars and several
// documents are refused, so a document is either read as it is meant or not at
// all. A library would bring twenty thousand lines for one reader.
type yamlParser struct {
	lines []yamlLine
	depth int
}

type yamlLine struct {
	indent int
	text   string
	n      int // from 1
}

const yamlDepth = 20

// parseYAML reads a document.
func parseYAML(text string) (any, error) {
	p := &yamlParser{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		body, err := uncomment(body)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if strings.HasPrefix(body, "\t") {
			return nil, fmt.Errorf("line %d: a tab where blanks are due", n)
		}
		if body == "" || n == 1 && body == "---" {
			continue
		}
		if body == "---" || body == "..." || strings.HasPrefix(body, "%") {
			return nil, fmt.Errorf("line %d: more than one document", n)
		}
		p.lines = append(p.lines, yamlLine{indent, body, n})
	}
	if len(p.lines) == 0 {
		return nil, errors.New("nothing in it")
	}
	v, err := p.block(p.lines[0].indent)
	if err == nil && len(p.lines) > 0 {
		err = errors.New("it is indented otherwise than what stands above")
	}
	if err != nil && len(p.lines) > 0 {
		err = fmt.Errorf("line %d: %w", p.lines[0].n, err)
	}
	return v, err
}

// uncomment cuts off a remark and the blanks before it.
func uncomment(s string) (string, error) {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,:", s[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t'):
			return strings.TrimRight(s[:i], " \t"), nil
		}
	}
	if quote != 0 {
		return "", errors.New("a quotation that does not end in its line")
	}
	return strings.TrimRight(s, " \t"), nil
}

// block reads the collection or scalar whose lines are indented by indent.
func (p *yamlParser) block(indent int) (any, error) {
	if p.depth++; p.depth > yamlDepth {
		return nil, errors.New("too deep")
	}
	defer func() { p.depth-- }()
	switch first := p.lines[0].text; {
	case first == "-" || strings.HasPrefix(first, "- "):
		return p.list(indent)
	case keyEnd(first) >= 0:
		return p.mapping(indent)
	default:
		v, err := flow(first)
		if err == nil {
			p.lines = p.lines[1:]
		}
		return v, err
	}
}

func (p *yamlParser) list(indent int) (any, error) {
	list := []any{}
	for len(p.lines) > 0 && p.lines[0].indent == indent && (p.lines[0].text == "-" || strings.HasPrefix(p.lines[0].text, "- ")) {
		rest := strings.TrimLeft(p.lines[0].text[1:], " ")
		if rest == "" {
			v, err := p.below(indent)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
			continue
		}
		// What stands behind the dash is a line of its own, indented so far.
		p.lines[0].indent += len(p.lines[0].text) - len(rest)
		p.lines[0].text = rest
		v, err := p.block(p.lines[0].indent)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (p *yamlParser) mapping(indent int) (any, error) {
	m := map[string]any{}
	for len(p.lines) > 0 && p.lines[0].indent == indent {
		line := p.lines[0].text
		at := keyEnd(line)
		if at < 0 {
			return nil, fmt.Errorf("%.60q is no key with a value", line)
		}
		key, err := scalar(line[:at])
		if err != nil {
			return nil, err
		}
		if _, ok := m[key]; ok {
			return nil, fmt.Errorf("%.60q is given twice", key)
		}
		rest := strings.TrimSpace(line[at+1:])
		if rest != "" {
			if m[key], err = flow(rest); err != nil {
				return nil, err
			}
			p.lines = p.lines[1:]
			continue
		}
		if m[key], err = p.below(indent); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// below reads what stands under the first line, and drops that. A list may
// stand as far left as the key it belongs to.
func (p *yamlParser) below(indent int) (any, error) {
	p.lines = p.lines[1:]
	if len(p.lines) == 0 {
		return "", nil
	}
	next := p.lines[0]
	if next.indent > indent || next.indent == indent && strings.HasPrefix(next.text, "- ") {
		return p.block(next.indent)
	}
	return "", nil
}

// keyEnd returns where the colon behind a key is, and -1 if a line has no key.
func keyEnd(s string) int {
	if s[0] == '{' || s[0] == '[' {
		return -1
	}
	if s[0] == '"' || s[0] == '\'' {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 || end+2 >= len(s) || s[end+2] != ':' || end+3 < len(s) && s[end+3] != ' ' {
			return -1
		}
		return end + 2
	}
	if at := strings.Index(s, ": "); at >= 0 {
		return at
	}
	if strings.HasSuffix(s, ":") {
		return len(s) - 1
	}
	return -1
}

// flow reads a value that stands in one line.
func flow(s string) (any, error) {
	v, rest, err := flowValue(s, 0, "")
	if err == nil && strings.TrimSpace(rest) != "" {
		err = fmt.Errorf("%.60q is too much", rest)
	}
	return v, err
}

// flowValue reads a value up to one of the signs in ends, and returns what is
// left.
func flowValue(s string, depth int, ends string) (any, string, error) {
	s = strings.TrimLeft(s, " ")
	if depth > yamlDepth {
		return nil, s, errors.New("too deep")
	}
	switch {
	case strings.HasPrefix(s, "["):
		list := []any{}
		s = strings.TrimLeft(s[1:], " ")
		for !strings.HasPrefix(s, "]") {
			v, rest, err := flowValue(s, depth+1, ",]")
			if err != nil {
				return nil, s, err
			}
			list = append(list, v)
			if s, err = next(rest, "]"); err != nil {
				return nil, s, err
			}
		}
		return list, s[1:], nil
	case strings.HasPrefix(s, "{"):
		m := map[string]any{}
		s = strings.TrimLeft(s[1:], " ")
		for !strings.HasPrefix(s, "}") {
			k, rest, err := flowValue(s, depth+1, ":,}")
			key, ok := k.(string)
			if err != nil || !ok || !strings.HasPrefix(rest, ":") {
				return nil, s, fmt.Errorf("%.60q is no key with a value", s)
			}
			v, rest, err := flowValue(rest[1:], depth+1, ",}")
			if err != nil {
				return nil, s, err
			}
			if _, twice := m[key]; twice {
				return nil, s, fmt.Errorf("%.60q is given twice", key)
			}
			m[key] = v
			if s, err = next(rest, "}"); err != nil {
				return nil, s, err
			}
		}
		return m, s[1:], nil
	}
	end := len(s)
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		at := strings.IndexByte(s[1:], s[0])
		if at < 0 {
			return nil, s, errors.New("a quotation has no end")
		}
		end = at + 2
	} else if i := strings.IndexAny(s, ends); ends != "" && i >= 0 {
		end = i
	}
	v, err := scalar(s[:end])
	return v, strings.TrimLeft(s[end:], " "), err
}

// next drops the comma behind an item, unless the collection ends.
func next(s, end string) (string, error) {
	s = strings.TrimLeft(s, " ")
	if rest, ok := strings.CutPrefix(s, ","); ok {
		return strings.TrimLeft(rest, " "), nil
	}
	if !strings.HasPrefix(s, end) {
		return s, fmt.Errorf("%.60q where a comma or %s is due", s, end)
	}
	return s, nil
}

// scalar reads a scalar. In quotes it takes no escapes, which names of files
// and tensors do not need.
func scalar(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if q := s[0]; q == '"' || q == '\'' {
		if len(s) < 2 || s[len(s)-1] != q || strings.IndexByte(s[1:len(s)-1], q) >= 0 || q == '"' && strings.Contains(s, `\`) {
			return "", fmt.Errorf("the quotation %.60s is not understood", s)
		}
		return s[1 : len(s)-1], nil
	}
	if strings.IndexByte("&*!|>%@`", s[0]) >= 0 {
		return "", fmt.Errorf("%.60q is YAML that is not read here", s)
	}
	return s, nil
}
