package live

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// How far studies are looked for: folders in folders, things looked at, and studies.
const (
	deepest      = 4
	mostEntries  = 50_000
	mostStudies  = 2_000
	refindStudys = 2 * time.Second
)

// A studyLine is a study in the list.
type studyLine struct {
	Name     string             `json:"name"` // its way from the folder served
	Target   string             `json:"target"`
	Sources  int                `json:"sources"`
	State    string             `json:"state"`
	Verdict  similarity.Verdict `json:"verdict,omitempty"`
	Headline string             `json:"headline,omitempty"`
	Achieved *float64           `json:"achieved,omitempty"` // mean cosine of the blocks
	Ceiling  *float64           `json:"ceiling,omitempty"`
	Trials   int                `json:"trials,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// A found is what a look for studies found, and when.
type found struct {
	at    time.Time
	dirs  []string
	whole bool // all was looked at
}

// list answers with the studies of the folder.
func (s *Server) list(http.ResponseWriter, *http.Request) (any, error) {
	f := s.find()
	lines := []studyLine{}
	for _, dir := range f.dirs {
		lines = append(lines, s.line(dir))
	}
	return struct {
		Dir     string      `json:"dir"`
		Studies []studyLine `json:"studies"`
		Whole   bool        `json:"whole"`
	}{filepath.Base(s.root), lines, f.whole}, nil
}

// find looks for studies, unless that was done just now.
func (s *Server) find() found {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.found.at) < refindStudys {
		return s.found
	}
	f := found{whole: true}
	seen := 0
	_ = filepath.WalkDir(s.root, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.root, path)
		seen++
		switch {
		case err != nil: // a folder that cannot be read has no studies
			return fs.SkipDir
		case seen > mostEntries || len(f.dirs) == mostStudies:
			f.whole = false
			return fs.SkipAll
		case !e.IsDir():
			return nil
		case path != s.root && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case studies.IsStudy(path):
			f.dirs = append(f.dirs, path)
			return fs.SkipDir
		case strings.Count(rel, string(filepath.Separator)) >= deepest-1:
			f.whole = false
			return fs.SkipDir
		}
		return nil
	})
	f.at = time.Now()
	s.found = f
	return f
}

// A fact is what a study's own files say, as they were at a time.
type fact struct {
	at     time.Time // of the summary
	target string
	names  int
	sum    *studies.Summary // nil if there is none
	err    error
}

// factOf returns what the files of the study in dir say.
func (s *Server) factOf(dir string) fact {
	at, settled := studies.Settled(dir)
	s.mu.Lock()
	f, known := s.facts[dir]
	s.mu.Unlock()
	if known && f.err == nil && f.at.Equal(at) {
		return f
	}
	f = fact{at: at}
	files, err := studies.OpenFiles(dir)
	if err != nil {
		f.err = err
		return f
	}
	plan := files.Plan()
	f.target, f.names = plan.Target.Name, len(plan.Sources)
	if settled {
		f.sum, f.err = studies.ReadSummary(dir)
	}
	s.mu.Lock()
	s.facts[dir] = f
	s.mu.Unlock()
	return f
}

// line returns what the list says of the study in dir.
func (s *Server) line(dir string) studyLine {
	f := s.factOf(dir)
	l := studyLine{Name: s.nameIn(dir), Target: f.target, Sources: f.names, State: s.stateOf(dir, f).State}
	if f.err != nil {
		l.Error = safetext.Line(f.err.Error())
	}
	if f.sum == nil || f.err != nil {
		return l
	}
	l.Verdict, l.Headline, l.Trials = f.sum.Verdict, report.Headline(f.sum), f.sum.Trials
	achieved, ceiling, n := 0.0, 0.0, 0.0
	for _, g := range f.sum.Groups {
		for _, b := range g.Blocks {
			achieved, ceiling, n = achieved+b.Achieved, ceiling+b.Ceiling, n+1
		}
	}
	if n > 0 {
		achieved, ceiling = achieved/n, ceiling/n
		l.Achieved, l.Ceiling = &achieved, &ceiling
	}
	return l
}

// A studyPage is what the page of a study is made of, but for what moves.
type studyPage struct {
	Name    string             `json:"name"`
	Plan    studies.Plan       `json:"plan"`
	Summary *studies.Summary   `json:"summary"`
	Recipe  string             `json:"recipe,omitempty"` // with the similarity after each step
	Text    string             `json:"text,omitempty"`   // the report in words
	Head    string             `json:"headline,omitempty"`
	Blocks  []string           `json:"blocks"`   // those searched, once that is known
	Ceiling map[string]ceiling `json:"ceilings"` // by the name of the search
	Saved   []string           `json:"saved"`    // recipes saved from the desk
}

// study answers with a study.
func (s *Server) study(_ http.ResponseWriter, r *http.Request) (any, error) {
	name := nameOf(r)
	dir, err := s.folderOf(name)
	if err != nil {
		return nil, err
	}
	files, err := studies.OpenFiles(dir)
	if err != nil {
		return nil, err
	}
	p := studyPage{Name: name, Plan: files.Plan(), Blocks: []string{}, Ceiling: map[string]ceiling{}}
	if p.Saved, err = s.saved(dir); err != nil {
		return nil, err
	}
	sum, err := studies.ReadSummary(dir)
	switch {
	case errors.Is(err, studies.ErrPending):
	case err != nil:
		return nil, err
	default:
		var text strings.Builder
		if err := report.Text(&text, sum, report.Page{}); err != nil {
			return nil, err
		}
		p.Summary, p.Recipe, p.Text, p.Head = sum, sum.Annotated(), text.String(), report.Headline(sum)
	}
	d, err := s.deskOf(r.Context(), dir)
	switch {
	case errors.Is(err, studies.ErrPending):
	case err != nil:
		return nil, err
	default:
		p.Blocks, p.Ceiling = d.blockNames(), d.ceilings(p.Plan.Metric)
	}
	return p, nil
}

// files answers with what may be models in the folder.
func (s *Server) files(http.ResponseWriter, *http.Request) (any, error) {
	all, err := shelf.Walk(s.root)
	if err != nil {
		return nil, err
	}
	type file struct {
		Path string `json:"path"`
		Size int64  `json:"size"`
	}
	list := []file{}
	studied := s.find().dirs
	for _, path := range all {
		info, err := os.Stat(path)
		name := s.nameIn(path)
		inStudy := slices.ContainsFunc(studied, func(dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) && dir != s.root })
		if err != nil || inStudy || len(list) == mostStudies {
			continue
		}
		if _, err := s.inside(name, false); err != nil { // a link to elsewhere
			continue
		}
		list = append(list, file{name, info.Size()})
	}
	return list, nil
}
