// Package shelf finds the model files in folders and by wildcards. It goes by
// names alone and opens nothing.
package shelf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mixmatch/merge/checkpoint/folder"
)

// IsList reports whether path stands for several files: it is a folder but no model
// itself, or a wildcard that nothing is called by.
func IsList(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return strings.ContainsAny(path, wild)
	}
	return info.IsDir() && !IsModel(path)
}

// IsModel reports whether a folder is a model, and no list of models.
func IsModel(path string) bool { return folder.IsModel(path) }

// A Shelf is what List found. All is sorted by name.
type Shelf struct {
	Files   []string // what may be models, by their names
	Folders []string // folders in the folder that hold some, and were not looked into
}

// List returns what may be models in a folder or by a wildcard; see [MayBe]. There
// may be none. The error is the operating system's, or says that there are no such
// wildcards.
func List(path string) (*Shelf, error) {
	info, err := os.Stat(path)
	if err != nil {
		return match(path)
	}
	if !info.IsDir() {
		return &Shelf{Files: []string{path}}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	s := &Shelf{}
	for _, e := range entries {
		below := filepath.Join(path, e.Name())
		switch {
		case hidden(e.Name()):
		case !isFolder(below, e):
			if MayBe(e.Name()) {
				s.Files = append(s.Files, below)
			}
		case IsModel(below):
			s.Files = append(s.Files, below)
		default:
			if some, err := Walk(below); err == nil && len(some) > 0 {
				s.Folders = append(s.Folders, below)
			}
		}
	}
	s.Files = folder.Whole(s.Files)
	return s, nil
}

// Walk returns what may be models in a folder and all below it. Folders in it that
// cannot be read are passed over, and links to folders, which may lead back.
func Walk(path string) ([]string, error) {
	path, err := filepath.EvalSymlinks(path) // or a link would not be walked
	if err != nil {
		return nil, err
	}
	var found []string
	err = filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case at == path:
			return err
		case errors.Is(err, fs.ErrPermission), err == nil && e.IsDir() && hidden(e.Name()):
			return fs.SkipDir
		case err != nil:
			return err
		case e.IsDir() && IsModel(at):
			found = append(found, at)
			return fs.SkipDir
		case !isFolder(at, e) && MayBe(e.Name()):
			found = append(found, at)
		}
		return nil
	})
	return folder.Whole(found), err
}

// isFolder reports whether e at path is a folder or a link to one.
func isFolder(path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
