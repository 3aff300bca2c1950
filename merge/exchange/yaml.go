package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxYAML is how long a document in YAML may be: its nodes take forty times as
// much memory. Our own have a line for each block and source.
const maxYAML = 2 << 20

// parseYAML reads the one document of a text, without anchors and tags of its
// own, in which no mapping has a key twice.
func parseYAML(text []byte) (*yaml.Node, error) {
	if len(text) > maxYAML {
		return nil, fmt.Errorf("the YAML has %d bytes; at most %d are read", len(text), maxYAML)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("nothing in it")
	case err != nil:
		return nil, yamlError(err)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	root := doc.Content[0]
	return root, checkYAML(root)
}

// yamlError makes the library's error one line.
func yamlError(err error) error {
	return errors.New(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
}

// checkYAML refuses what nobody writes a merge with, and what would be read in
// two ways.
func checkYAML(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fmt.Errorf("line %d: anchors are not read here", n.Line)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: the tag %.60q is not read here", n.Line, n.Tag)
	}
	if n.Kind == yaml.MappingNode {
		keys := map[string]bool{}
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				return fmt.Errorf("line %d: a key that is not a name", k.Line)
			}
			if keys[k.Value] {
				return fmt.Errorf("line %d: %.60q is given twice", k.Line, k.Value)
			}
			keys[k.Value] = true
		}
	}
	for _, child := range n.Content {
		if err := checkYAML(child); err != nil {
			return err
		}
	}
	return nil
}

// firstOf returns the first error.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A mapping reads the fields of a mapping in YAML, and keeps the first error. A
// field that is null counts as missing.
type mapping struct {
	node   *yaml.Node
	fields map[string]*yaml.Node
	read   map[string]bool
	err    error
}

// mappingOf returns the fields of n, which is what name says.
func mappingOf(n *yaml.Node, name string) *mapping {
	m := &mapping{node: n, fields: map[string]*yaml.Node{}, read: map[string]bool{}}
	if n.Kind != yaml.MappingNode {
		m.wrong(n, name, "a mapping")
		return m
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m.fields[n.Content[i].Value] = n.Content[i+1]
	}
	return m
}

// wrong keeps the error that n, called name, is not what it should be.
func (m *mapping) wrong(n *yaml.Node, name, want string) {
	if m.err == nil {
		m.err = fmt.Errorf("line %d: %s is %s, not %s", n.Line, name, describeYAML(n), want)
	}
}

func describeYAML(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%.60q", n.Value)
}

// has returns a field, nil if it is missing.
func (m *mapping) has(name string) *yaml.Node {
	m.read[name] = true
	n := m.fields[name]
	if n != nil && n.Tag == "!!null" {
		return nil
	}
	return n
}

// text returns a field that is text, "" if it is missing.
func (m *mapping) text(name string) string {
	n := m.has(name)
	if n == nil {
		return ""
	}
	if n.Tag != "!!str" {
		m.wrong(n, name, "text (which needs quotes if it looks like a number)")
	}
	return n.Value
}

// flag returns a field that is true or false, and otherwise what it is if it is
// missing.
func (m *mapping) flag(name string, otherwise bool) bool {
	n := m.has(name)
	if n == nil {
		return otherwise
	}
	switch strings.ToLower(n.Value) {
	case "true", "false":
		return strings.EqualFold(n.Value, "true")
	}
	m.wrong(n, name, "true or false")
	return otherwise
}

// list returns the items of a field that is a list, nil if it is missing.
func (m *mapping) list(name string) []*yaml.Node {
	n := m.has(name)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		m.wrong(n, name, "a list")
	}
	return n.Content
}

// below returns a field that is a mapping, an empty one if it is missing.
func (m *mapping) below(name string) *mapping {
	n := m.has(name)
	if n == nil {
		n = &yaml.Node{Kind: yaml.MappingNode, Line: m.node.Line}
	}
	return mappingOf(n, name)
}

// finish returns the first error. It notes fields that nothing has read.
func (m *mapping) finish(im *importer) error {
	if m.err != nil || m.node.Kind != yaml.MappingNode {
		return m.err
	}
	for i := 0; i < len(m.node.Content); i += 2 {
		if k := m.node.Content[i]; !m.read[k.Value] {
			im.note("line %d: the field %.60q is not known, and was not read", k.Line, k.Value)
		}
	}
	return nil
}
