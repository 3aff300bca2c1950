package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/exchange"
	"mixmatch/merge/open"
	"mixmatch/merge/recipe"
)

// readRecipe reads the recipe in the file at path, which may be a pipe, a
// document of another program, or a model whose metadata tell of its making. What
// such a document says of its block map goes into the flag --era, unless the user said
// otherwise.
func readRecipe(c *cli.Context, path string) (*document, error) {
	text, isModel, err := readDocument(path)
	if err != nil {
		return nil, err
	}
	format := "metadata"
	if !isModel {
		format = exchange.Recognize(text)
	}
	if format == "text" {
		if len(text) > recipe.MaxText {
			return nil, usage("%s: more than a megabyte: that is no recipe", path)
		}
		// Read here for its notes alone. What is wrong with it is found again
		// when it is known what models it is for.
		if _, notes, err := importRecipe(text, format, ""); err == nil {
			sayNotes(c, notes)
		}
		text, _, err := exchange.Decode(text)
		if err != nil {
			return nil, usage("%s: %w", path, err)
		}
		return &document{text: string(text)}, nil
	}
	r, notes, err := importRecipe(text, format, "")
	sayNotes(c, notes)
	if err != nil {
		return nil, usage("%s: %w", path, err)
	}
	if era := string(r.Layout.Era()); !c.IsSet("era") && era != string(block.ErasOf(r.Layout.Arch())[0]) {
		say(c, "%s is for the block map %s", path, era)
		if err := c.Set("era", era); err != nil {
			return nil, err
		}
	}
	return &document{r.String(), hashesIn(text)}, nil
}

// importRecipe reads a document that may not state what models it is for. Those
// are of arch, or of any if that is "".
func importRecipe(text []byte, format string, arch block.Arch) (*recipe.Recipe, []string, error) {
	r, notes, err := exchange.Import(text, format, nil, exchange.Options{})
	if err == nil && (arch == "" || r.Layout.Arch() == arch) {
		return r, notes, nil
	}
	others := []block.Arch{arch}
	if arch == "" {
		others = []block.Arch{block.SDXL, block.Flux} // whose vectors are of another length
	}
	for _, arch := range others {
		for _, era := range block.ErasOf(arch) {
			l, bad := block.For(arch, era)
			if bad != nil {
				continue
			}
			if r, notes, bad := exchange.Import(text, format, l, exchange.Options{}); bad == nil {
				return r, notes, nil
			}
		}
	}
	return r, notes, err
}

// readDocument reads the file at path, or stdin if that is "-". Of a model it
// returns the metadata, as JSON.
func readDocument(path string) (text []byte, isModel bool, err error) {
	f := os.Stdin
	if path != "-" {
		if f, err = os.Open(path); err != nil {
			return nil, false, absent("", err)
		}
		defer f.Close()
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, false, usage("%s is a folder, no recipe; export prints that of a study", path)
	}
	var head [9]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, err
	}
	// As safetensors files begin, and no text does.
	if n == len(head) && head[8] == '{' && binary.LittleEndian.Uint64(head[:]) < 1<<32 && path != "-" {
		m, err := open.File(path)
		if err != nil {
			return nil, true, err
		}
		defer m.Close()
		text, err := json.Marshal(m.Metadata())
		return text, true, err
	}
	text, err = io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), f), exchange.MaxBytes+1))
	switch {
	case err != nil:
		return nil, false, err
	case len(text) > exchange.MaxBytes:
		return nil, false, usage("%s: more than %d megabytes: that is no recipe", path, exchange.MaxBytes>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, false, usage("%s: there is no recipe in it", path)
	}
	return text, false, nil
}

// A document is a recipe in notation, with the hashes of its models by name, as far as
// it tells them.
type document struct {
	text   string
	hashes map[string]string
}

// hash returns the hash of a model, "" if it is not told: that in metadata, or what
// stands behind the name in brackets.
func (d *document) hash(name string) string {
	if h := d.hashes[name]; h != "" {
		return h
	}
	behind := regexp.MustCompile(regexp.QuoteMeta(name) + `(\.\w+)?\s*\[([0-9a-fA-F]{8}|[0-9a-fA-F]{10}|[0-9a-fA-F]{64})\]`)
	if m := behind.FindStringSubmatch(d.text); m != nil {
		return strings.ToLower(m[2])
	}
	return ""
}

// hashesIn returns the SHA-256 of the models that metadata name.
func hashesIn(metadata []byte) map[string]string {
	hashes := map[string]string{}
	var top struct {
		Models string `json:"sd_merge_models"`
	}
	if json.Unmarshal(metadata, &top) != nil {
		return hashes
	}
	var models map[string]struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(top.Models), &models) != nil {
		return hashes
	}
	named := map[string]int{}
	for sha, m := range models {
		if len(sha) == 64 && isHash.MatchString(sha) {
			name := recipe.NameOf(m.Name)
			named[name]++
			hashes[name], hashes[name+"-"+sha[:10]] = sha, sha // as one of two is called
		}
	}
	for name, n := range named {
		if n > 1 {
			delete(hashes, name)
		}
	}
	return hashes
}
