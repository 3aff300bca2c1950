// Package folder reads models that are of several files by a program's rules: the
// folders that diffusers writes (model_index.json, and a folder for each network),
// and the indexes of models that were cut into shards
// (NAME.safetensors.index.json).
//
// What the files are is for others: a function that opens them is given. Names of
// files are taken from a folder's listing or checked to be of the same folder, so
// nothing that a file says leads elsewhere.
package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/checkpoint"
)

// An Opener opens one file.
type Opener func(path string) (checkpoint.Container, error)

// The networks of a model, each in a folder of its name.
var networks = []string{"unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3", "vae"}

// indexName is the file in which diffusers says what is in the folder.
const indexName = "model_index.json"

// IsModel reports whether the folder at path holds one model as diffusers writes
// it: networks in folders of their own, or one that lies there with its
// config.json. A folder that holds a model in each file is none.
func IsModel(path string) bool {
	if isFile(filepath.Join(path, indexName)) {
		return true
	}
	for _, n := range networks {
		if all, _ := weights(filepath.Join(path, n)); len(all) > 0 {
			return true
		}
	}
	all, _ := weights(path)
	return len(all) > 0 && isFile(filepath.Join(path, "config.json"))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Open opens the model in the folder at path. Its tensors are called as in their
// file, behind the name of the network: unet.conv_in.weight. What is not taken, of
// several versions of a network or of networks that are no part of a model, is in
// the notes.
func Open(path string, open Opener) (checkpoint.Container, error) {
	listed, err := listing(path)
	if err != nil {
		return nil, err
	}
	j := &joined{}
	for _, n := range networks {
		err := j.network(filepath.Join(path, n), n+".", open)
		switch {
		case errors.Is(err, errNone) && slices.Contains(listed, n):
			j.notes = append(j.notes, fmt.Sprintf("%s names a %s, which is not there", indexName, n))
		case err != nil && !errors.Is(err, errNone):
			j.Close()
			return nil, err
		}
	}
	if len(j.files) == 0 {
		if err := j.network(path, "", open); errors.Is(err, errNone) {
			return nil, checkpoint.Malformed("%s: a folder without a model: name the file that holds it, or a folder as diffusers writes it, with %s", path, filepath.Join("unet", "diffusion_pytorch_model.safetensors"))
		} else if err != nil {
			return nil, err
		}
	}
	for _, n := range listed {
		if all, _ := weights(filepath.Join(path, n)); len(all) > 0 && !slices.Contains(networks, n) {
			j.notes = append(j.notes, n+" is passed over: it is no part of what is merged")
		}
	}
	j.info = j.files.Info()
	j.info.Files = j.files.Paths()
	j.info.Path, j.info.Format = path, "diffusers folder of "+j.info.Format
	j.info.Notes = slices.Concat(j.info.Notes, j.notes)
	return j, nil
}

// The most bytes of model_index.json: ordinary ones have one kilobyte.
const maxListing = 1 << 20

// listing returns the names of the networks and of all else that model_index.json
// says is there, none without such a file.
func listing(path string) ([]string, error) {
	name := filepath.Join(path, indexName)
	if !isFile(name) {
		return nil, nil
	}
	text, err := readText(name, maxListing)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, checkpoint.Malformed("%s: no JSON object: %v", name, err)
	}
	var names []string
	for n, value := range all {
		// ["diffusers", "UNet2DConditionModel"], or [null, null] for what there is not.
		var of []*string
		if json.Unmarshal(value, &of) == nil && len(of) == 2 && of[0] != nil && of[1] != nil && filepath.IsLocal(n) && filepath.Base(n) == n {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}

// readText reads a file of text that is not longer than most.
func readText(path string, most int64) ([]byte, error) {
	d, err := checkpoint.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if d.Size() > most {
		return nil, checkpoint.Malformed("%s: %d bytes, which is too long for what it says", path, d.Size())
	}
	text := make([]byte, d.Size())
	if err := checkpoint.ReadFull(d, text, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// errNone is for a folder without a network.
var errNone = errors.New("no network")

// network adds the network in the folder dir, whose tensors get the prefix. The
// error is errNone if there is none.
func (j *joined) network(dir, prefix string, open Opener) error {
	all, err := weights(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(all) == 0 {
		return errNone
	}
	if err != nil {
		return err
	}
	path := filepath.Join(dir, all[0].name)
	var c checkpoint.Container
	if all[0].index {
		c, err = OpenIndex(path, open)
	} else {
		c, err = open(path)
	}
	if err != nil {
		return err
	}
	if len(all) > 1 {
		var others []string
		for _, w := range all[1:] {
			others = append(others, w.name)
		}
		j.notes = append(j.notes, fmt.Sprintf("%s is taken, not %s; to take another, name the files of all parts, joined by +", path, strings.Join(others, ", ")))
	}
	j.add(c, prefix, nil)
	return nil
}
