package exchange

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A tree is a document taken apart: map[string]any, []any, string, json.Number,
// bool and nil, and embedded.
type tree = any

// embedded is a string of JSON, a cell one of a table, which holds only text.
type (
	embedded struct{ tree }
	cell     string
)

// takeApart returns the tree of a document, and the function that makes a
// document of a tree.
func takeApart(t testing.TB, format string, text []byte) (tree, func(tree) []byte) {
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatal(format, err)
		}
	}
	switch format {
	case "json", "metadata":
		return parseTree(t, text), func(v tree) []byte {
			b, err := json.Marshal(closeTree(v))
			fail(err)
			return b
		}
	case "mergekit":
		first, _, _ := strings.Cut(string(text), "\n") // names the layout
		var v any
		fail(yaml.Unmarshal(text, &v))
		b, err := json.Marshal(v)
		fail(err)
		return parseTree(t, b), func(v tree) []byte {
			var b bytes.Buffer
			if strings.HasPrefix(first, "#") {
				b.WriteString(first + "\n")
			}
			e := yaml.NewEncoder(&b)
			fail(e.Encode(numbersOf(v)))
			return b.Bytes()
		}
	case "history":
		rows, err := newCSV(bytes.NewReader(text)).ReadAll()
		fail(err)
		return listOf(rows), func(v tree) []byte {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			for _, row := range rowsOf(v) {
				fail(w.Write(row))
			}
			w.Flush()
			return b.Bytes()
		}
	}
	sep := map[string]string{"mecha": " ", "presets": "\t", "table": "|"}[format]
	var lines [][]string
	for line := range strings.SplitSeq(string(text), "\n") {
		lines = append(lines, strings.Split(line, sep))
	}
	return listOf(lines), func(v tree) []byte {
		var b []string
		for _, line := range rowsOf(v) {
			b = append(b, strings.Join(line, sep))
		}
		return []byte(strings.Join(b, "\n"))
	}
}

func parseTree(t testing.TB, text []byte) tree {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var open func(v any) tree
	open = func(v any) tree {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = open(v[k])
			}
		case []any:
			for i := range v {
				v[i] = open(v[i])
			}
		case string:
			if strings.HasPrefix(v, "{") {
				return embedded{parseTree(t, []byte(v))}
			}
		}
		return v
	}
	return open(v)
}

// closeTree returns a copy of v in which what is embedded is a string again.
func closeTree(v tree) any {
	switch v := v.(type) {
	case embedded:
		b, err := json.Marshal(closeTree(v.tree))
		if err != nil {
			panic(err)
		}
		return string(b)
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = closeTree(v[k])
		}
		return m
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, closeTree(x))
		}
		return list
	}
	return v
}

// numbersOf returns v for a writer that knows no json.Number.
func numbersOf(v tree) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = numbersOf(v[k])
		}
		return m
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, numbersOf(x))
		}
		return list
	case json.Number:
		f, _ := v.Float64()
		return f
	}
	return v
}

func listOf(rows [][]string) []any {
	var all []any
	for _, row := range rows {
		var list []any
		for _, s := range row {
			list = append(list, cell(s))
		}
		all = append(all, list)
	}
	return all
}

// rowsOf is listOf turned round. What is no list counts as a cell.
func rowsOf(v any) (rows [][]string) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, x := range list {
		cells, ok := x.([]any)
		if !ok {
			cells = []any{x}
		}
		var row []string
		for _, c := range cells {
			row = append(row, fmt.Sprint(c))
		}
		rows = append(rows, row)
	}
	return rows
}

// A mutation is a document in which one thing was changed.
type mutation struct {
	path     []string
	old, now tree // now is gone where it was removed
	tree     tree
}

type gone struct{}

func (m mutation) String() string {
	return fmt.Sprintf("%s from %.80s to %.80s", strings.Join(m.path, "."), fmt.Sprint(m.old), fmt.Sprintf("%#v", m.now))
}

// mutations returns what becomes of v when one thing in it changes. Of long lists
// it takes the ends only.
func mutations(v tree) []mutation {
	var all []mutation
	add := func(path []string, old, now tree, whole tree) {
		all = append(all, mutation{slices.Clone(path), old, now, whole})
	}
	for _, now := range instead(v) {
		add(nil, v, now, now)
	}
	below := func(key string, child tree, rebuild func(tree) tree) {
		for _, m := range mutations(child) {
			add(append([]string{key}, m.path...), m.old, m.now, rebuild(m.tree))
		}
	}
	switch v := v.(type) {
	case embedded:
		for _, m := range mutations(v.tree) {
			add(m.path, m.old, m.now, embedded{m.tree})
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			less := maps.Clone(v)
			delete(less, k)
			add([]string{k}, v[k], gone{}, less)
			below(k, v[k], func(x tree) tree {
				m := maps.Clone(v)
				m[k] = x
				return m
			})
		}
	case []any:
		for i := range v {
			if i > 1 && i < len(v)-1 && len(v) > 30 {
				continue
			}
			if i == len(v)-1 || len(v) <= 30 {
				add([]string{strconv.Itoa(i)}, v[i], gone{}, slices.Delete(slices.Clone(v), i, i+1))
			}
			below(strconv.Itoa(i), v[i], func(x tree) tree {
				list := slices.Clone(v)
				list[i] = x
				return list
			})
		}
	}
	return all
}

// instead returns values to try in place of v.
func instead(v tree) []tree {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		number := func(f float64) json.Number { return json.Number(decimal(f)) }
		return []tree{nil, v.String(), "nonsense", true, []any{v}, map[string]any{}, number(-f), number(f + 0.125)}
	case bool:
		return []tree{nil, fmt.Sprint(v), "maybe", json.Number("1"), !v, []any{}}
	case cell:
		var list []tree
		for _, x := range instead(string(v)) {
			if s, ok := x.(string); ok && s != string(v) {
				list = append(list, cell(s))
			}
		}
		return append(list, cell("7"))
	case string:
		list := []tree{nil, json.Number("7"), true, []any{"x"}, map[string]any{}, "", "nonsense"}
		if f, ok := numberIn(v); ok {
			list = append(list, decimal(-f), decimal(f+0.125))
		}
		if k, number, ok := strings.Cut(v, "="); ok { // of sd-mecha
			if f, ok := numberIn(number); ok {
				list = append(list, k+"="+decimal(f+0.125), k+"=nonsense", k+"=")
			}
		}
		if at := strings.LastIndex(v, ","); at >= 0 {
			list = append(list, v[:at])
			if f, ok := numberIn(v[at+1:]); ok {
				list = append(list, v[:at]+","+decimal(f+0.125))
			}
		}
		return list
	case []any:
		return []tree{nil, "text", json.Number("5"), []any{}, map[string]any{}}
	case map[string]any:
		return []tree{nil, "text", json.Number("5"), []any{}}
	case embedded:
		return []tree{nil, "text", json.Number("5"), []any{}, "{}"}
	}
	return []tree{json.Number("5"), "text", true, []any{}, map[string]any{}}
}
