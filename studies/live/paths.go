package live

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"mixmatch/merge/safetext"
	"mixmatch/studies"
)

// inside returns the path of what is called name, by its way from the folder served,
// with / between folders. Links are followed, and what they lead to must lie in the
// folder as well. The last part need not be there if it is to be made.
func (s *Server) inside(name string, toMake bool) (string, error) {
	local := filepath.FromSlash(name)
	if name == "" || strings.ContainsRune(name, 0) || !filepath.IsLocal(local) {
		return "", deny(safetext.Quote(name) + " is outside of the folder that is served")
	}
	path := filepath.Join(s.root, local)
	real, err := filepath.EvalSymlinks(path)
	if toMake && errors.Is(err, fs.ErrNotExist) {
		// A link that leads nowhere would be followed by what makes the file.
		if _, bad := os.Lstat(path); bad == nil {
			return "", deny(safetext.Quote(name) + " is a link that leads nowhere")
		}
		if real, err = filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			real = filepath.Join(real, filepath.Base(path))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", &refusal{http.StatusNotFound, "there is no " + safetext.Quote(name) + " in the folder that is served"}
	}
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(s.root, real); err != nil || !filepath.IsLocal(rel) {
		return "", deny(safetext.Quote(name) + " leads outside of the folder that is served: start mixmatch serve in one that holds it")
	}
	return real, nil
}

// folderOf returns the folder of the study called name.
func (s *Server) folderOf(name string) (string, error) {
	dir, err := s.inside(name, false)
	if err != nil {
		return "", err
	}
	if !studies.IsStudy(dir) {
		return "", &refusal{http.StatusNotFound, safetext.Quote(name) + " is no study"}
	}
	return dir, nil
}

// nameIn returns how pages call what is at path.
func (s *Server) nameIn(path string) string {
	if rel, err := filepath.Rel(s.root, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// plainName refuses a name for a file that is more than a name on some system.
func plainName(name string) error {
	const most = 100
	if name == "" || len(name) > most {
		return wrong("the name is empty, or longer than %d bytes", most)
	}
	ok := !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && strings.TrimSpace(name) == name && filepath.IsLocal(name)
	for _, c := range name {
		ok = ok && c >= ' ' && c != 0x7f && !strings.ContainsRune(`/\:*?"<>|`, c)
	}
	if !ok || safetext.Line(name) != name {
		return wrong("%s cannot be the name of a file", safetext.Quote(name))
	}
	return nil
}
