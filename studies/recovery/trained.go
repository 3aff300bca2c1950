package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/open"
)

// A trained is a folder of networks that were really trained, which "make
// trained" makes.
type trained struct {
	Base   string `json:"base"`
	Models []struct {
		Name      string `json:"name"`
		From      string `json:"from"`
		VersionOf string `json:"version_of"`
	} `json:"models"`

	folder string
	files  map[string]*checkpoint.File
}

// openTrained opens the folder, or returns nil if it is "".
func openTrained(folder string) (*trained, error) {
	if folder == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "family.json"))
	if err != nil {
		return nil, err
	}
	n := &trained{folder: folder, files: map[string]*checkpoint.File{}}
	if err := json.Unmarshal(text, n); err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	for _, name := range append(n.names(), n.Base) {
		f, err := open.File(filepath.Join(folder, name+".safetensors"))
		if err != nil {
			return nil, errors.Join(err, n.close())
		}
		n.files[name] = f
	}
	return n, nil
}

func (n *trained) close() error {
	if n == nil {
		return nil
	}
	var errs []error
	for _, f := range n.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// names returns the names of the fine-tunes.
func (n *trained) names() []string {
	var names []string
	for _, m := range n.Models {
		names = append(names, m.Name)
	}
	return names
}

// versions returns the models that were trained on as other ones of the family,
// with the others, and the other way round.
func (n *trained) versions() map[string]string {
	all := map[string]string{}
	for _, m := range n.Models {
		if m.VersionOf != "" {
			all[m.Name], all[m.VersionOf] = m.VersionOf, m.Name
		}
	}
	return all
}

// apart returns the models for which there is no near substitute: no other was
// trained from them, and they are no versions of another.
func (n *trained) apart() []string {
	names := n.names()
	for _, m := range n.Models {
		names = without(names, m.From, m.VersionOf)
		if m.VersionOf != "" {
			names = without(names, m.Name)
		}
	}
	return names
}

// family returns the networks as a family. Its base is called as every base is.
func (n *trained) family(seed uint64) *family {
	return &family{seed: seed, names: n.names(), trained: n}
}

// tensors returns the tensors of the networks.
func (n *trained) tensors(l *block.Layout) []tensor {
	var all []tensor
	for _, s := range block.Keys(block.SD1) {
		x, ok := n.files[n.Base].Tensor(s.Name)
		id, in := l.Of(s.Name)
		if !ok || !in || s.Integer {
			continue
		}
		s.Shape = x.Shape
		t := tensor{Spec: s, block: id}
		t.mean, t.dev = values(s)
		all = append(all, t)
	}
	return all
}

// values reads a tensor of all models.
func (n *trained) values(t *tensor) (map[string][]float32, error) {
	all := map[string][]float32{}
	for name, f := range n.files {
		x, ok := f.Tensor(t.Name)
		if !ok || x.Len() != t.Len() {
			return nil, fmt.Errorf("%s: no %s like that of %s", f.Path(), t.Name, n.Base)
		}
		v := make([]float32, x.Len())
		if err := f.Read(v, nil, x, 0); err != nil {
			return nil, err
		}
		if name == n.Base {
			name = baseName
		}
		all[name] = v
	}
	return all, nil
}
