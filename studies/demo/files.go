package demo

import (
	"errors"
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// files are the files of a family: those of the cast, the base, the target.
type files []file

// A file is one model being written.
type file struct {
	path string
	w    *safetensors.Writer
	has  map[string]bool
}

// create opens all files and puts tensors into the order in which their bytes
// must be written. The files that it did open are returned with an error, too.
func create(p Planted, f Family, cast []character, tensors []tensor) (files, error) {
	var all files
	add := func(path, name string, dtype checkpoint.DType, noVAE bool) error {
		meta := map[string]string{"format": "pt", "modelspec.title": name + " (random numbers, made by mixmatch demo)"}
		w, err := safetensors.Create(path, header(tensors, dtype, noVAE), meta, f.Force)
		if err != nil {
			return err
		}
		has := map[string]bool{}
		for _, t := range w.Tensors() {
			has[t.Name] = true
		}
		all = append(all, file{path: path, w: w, has: has})
		return nil
	}
	for i, s := range p.Sources {
		if err := add(s.Path, s.Name, "F16", cast[i].noVAE); err != nil {
			return all, err
		}
	}
	if err := add(p.Base, baseName, "F32", false); err != nil {
		return all, err
	}
	if err := add(p.Target, targetName, "F16", false); err != nil {
		return all, err
	}
	return all, all.order(tensors)
}

// order sorts tensors as the writers want them, which must all want the same.
func (f files) order(tensors []tensor) error {
	at := map[string]int{}
	for i, t := range tensors {
		at[t.Name] = i
	}
	unsorted := append([]tensor(nil), tensors...)
	target := f[len(f)-1].w.Tensors()
	if len(target) != len(tensors) {
		return fmt.Errorf("%s: %d tensors planned, %d in the header", f[len(f)-1].path, len(tensors), len(target))
	}
	for i, t := range target {
		tensors[i] = unsorted[at[t.Name]]
	}
	for _, one := range f {
		i := 0
		want := one.w.Tensors()
		for _, t := range tensors {
			if one.has[t.Name] {
				if want[i].Name != t.Name {
					return fmt.Errorf("%s: tensors in another order than in %s", one.path, f[len(f)-1].path)
				}
				i++
			}
		}
	}
	return nil
}

// bytes returns the payload of all files.
func (f files) bytes() int64 {
	var n int64
	for _, one := range f {
		for _, t := range one.w.Tensors() {
			n += t.Bytes()
		}
	}
	return n
}

// commit completes all files.
func (f files) commit() error {
	var errs []error
	for _, one := range f {
		errs = append(errs, one.w.Commit())
	}
	return errors.Join(errs...)
}

// abort removes what is not complete.
func (f files) abort() {
	for _, one := range f {
		one.w.Abort()
	}
}
