package folder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint"
)

// RecognizesIndex reports whether head, the first bytes of a file, begins an index of
// shards: a JSON object with a map from names of tensors to files.
func RecognizesIndex(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) && bytes.Contains(head, []byte(`"weight_map"`))
}

// The most bytes of an index, and the most shards: the largest models have some
// thousand tensors and a hundred shards.
const (
	maxIndex  = 64 << 20
	maxShards = 1000
)

// OpenIndex opens the model whose shards the index at path lists. The shards lie in
// its folder. Each tensor that it lists must be in its shard and in no other; what
// shards hold beyond that is passed over with a note.
func OpenIndex(path string, open Opener) (checkpoint.Container, error) {
	text, err := readText(path, maxIndex)
	if err != nil {
		return nil, err
	}
	shardOf, err := parseIndex(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	shards := slices.Compact(slices.Sorted(maps.Values(shardOf)))
	if len(shards) > maxShards {
		return nil, checkpoint.Malformed("%s: malformed index: %d shards", path, len(shards))
	}
	for _, s := range shards {
		if !plain(s) {
			return nil, checkpoint.Malformed("%s: malformed index: the shard %s is not a file in the same folder", path, checkpoint.Short(s))
		}
	}
	j := &joined{}
	dir := filepath.Dir(path)
	unlisted := []string{}
	for _, s := range shards {
		c, err := open(filepath.Join(dir, s))
		if errors.Is(err, fs.ErrNotExist) {
			err = checkpoint.Malformed("%s: the shard %s is missing: download it too", path, s)
		}
		if err != nil {
			j.Close()
			return nil, err
		}
		var elsewhere string
		j.add(c, "", func(name string) bool {
			of, listed := shardOf[name]
			switch {
			case !listed:
				unlisted = append(unlisted, name)
			case of != s:
				elsewhere = name
			default:
				return true
			}
			return false
		})
		if elsewhere != "" {
			j.Close()
			return nil, checkpoint.Malformed("%s: tensor %s is in the shard %s, and according to the index in %s: it is not known which to take", path, checkpoint.Short(elsewhere), s, shardOf[elsewhere])
		}
	}
	if len(j.tensors) < len(shardOf) {
		j.Close()
		name := j.lacks(shardOf)
		return nil, checkpoint.Malformed("%s: tensor %s is not in %s, though the index says so", path, checkpoint.Short(name), shardOf[name])
	}
	j.info = j.files.Info()
	j.info.Format += " shards"
	if n := len(unlisted); n > 0 {
		note := fmt.Sprintf("%d tensors such as %s are passed over: the index does not list them", n, checkpoint.Short(unlisted[0]))
		j.info.Notes = slices.Concat(j.info.Notes, []string{note})
	}
	j.info.Path, j.info.Files = path, append(j.files.Paths(), path)
	j.info.Stamp.Size += int64(len(text))
	sum := sha256.Sum256(append([]byte(j.info.Stamp.Header+"\n"), text...))
	j.info.Stamp.Header = hex.EncodeToString(sum[:])
	if info, err := os.Stat(path); err == nil && info.ModTime().UTC().After(j.info.Stamp.ModTime) {
		j.info.Stamp.ModTime = info.ModTime().UTC()
	}
	return j, nil
}

// plain reports whether a shard is called like a file, and not like a way to
// another folder on any system.
func plain(name string) bool {
	return name != "" && !strings.ContainsAny(name, "/\\:\x00") && filepath.IsLocal(name) && filepath.Base(name) == name && name != "."
}

// lacks returns the first tensor that the shards do not hold.
func (j *joined) lacks(shardOf map[string]string) string {
	have := map[string]bool{}
	for _, t := range j.tensors {
		have[t.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(shardOf)) {
		if !have[name] {
			return name
		}
	}
	return ""
}

// parseIndex returns the shard of each tensor. A name that occurs twice is an error,
// which JSON readers let pass.
func parseIndex(text []byte) (map[string]string, error) {
	if !json.Valid(text) {
		return nil, checkpoint.Malformed("malformed index: no sound JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, checkpoint.Malformed("malformed index: no JSON object")
	}
	var shardOf map[string]string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, checkpoint.Malformed("malformed index: %v", err)
		}
		if key != "weight_map" {
			var any json.RawMessage
			if err := d.Decode(&any); err != nil {
				return nil, checkpoint.Malformed("malformed index: %v", err)
			}
			continue
		}
		if shardOf != nil {
			return nil, checkpoint.Malformed("malformed index: weight_map occurs twice")
		}
		if shardOf, err = parseMap(d); err != nil {
			return nil, err
		}
	}
	if len(shardOf) == 0 {
		return nil, checkpoint.Malformed("malformed index: weight_map lists nothing")
	}
	return shardOf, nil
}

func parseMap(d *json.Decoder) (map[string]string, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, checkpoint.Malformed("malformed index: weight_map is no object")
	}
	shardOf := map[string]string{}
	for d.More() {
		name, err1 := d.Token()
		shard, err2 := d.Token()
		if err1 != nil || err2 != nil {
			return nil, checkpoint.Malformed("malformed index: %v", errors.Join(err1, err2))
		}
		key, _ := name.(string)
		of, ok := shard.(string)
		if !ok {
			return nil, checkpoint.Malformed("malformed index: the shard of %s is no text", checkpoint.Short(key))
		}
		if _, twice := shardOf[key]; twice {
			return nil, checkpoint.Malformed("malformed index: tensor %s occurs twice", checkpoint.Short(key))
		}
		shardOf[key] = of
	}
	_, err := d.Token()
	return shardOf, err
}
