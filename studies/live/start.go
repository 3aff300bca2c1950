package live

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/optimize"
	"mixmatch/studies"
	"mixmatch/studies/compose"
)

// What a study is started with that says no other: as on the command line.
const (
	defaultTrials = 300
	defaultPolish = 2000
	mostSources   = 200
)

// A beginning asks for a new study. Paths are ways from the folder served.
type beginning struct {
	Study   string        `json:"study"`
	Target  string        `json:"target"`
	Base    string        `json:"base"` // "" for none
	Sources []string      `json:"sources"`
	Style   compose.Style `json:"style"`
	Sampler string        `json:"sampler"`
	Trials  *int          `json:"trials"` // nil for the default
	Seed    *int64        `json:"seed"`
	Recipe  string        `json:"recipe"` // with holes; "" to compose one
}

// start answers a request to begin a study and run it.
func (s *Server) start(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q beginning
	if err := read(r, &q); err != nil {
		return nil, err
	}
	if err := plainName(q.Study); err != nil {
		return nil, err
	}
	dir, err := s.inside(q.Study, true)
	if err != nil {
		return nil, err
	}
	if len(q.Sources) > mostSources {
		return nil, wrong("more than %d sources: use mixmatch optimize", mostSources)
	}
	plan := studies.Plan{Template: q.Recipe, Style: q.Style, Sampler: q.Sampler, Trials: defaultTrials, Polish: defaultPolish, Seed: 1}
	if plan.Sampler == "" {
		plan.Sampler = optimize.Samplers()[0]
	}
	if q.Trials != nil {
		plan.Trials = *q.Trials
	}
	if q.Seed != nil {
		plan.Seed = *q.Seed
	}
	s.mu.Lock()
	err = s.room(dir)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	study, err := s.create(dir, &q, plan)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if err = s.room(dir); err == nil { // somebody may have been quicker
		s.begin(study)
		s.found = found{}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, study.Discard())
	}
	return which{q.Study}, nil
}

// create opens the models, makes the study and closes them again: a study opens what
// its plan names.
func (s *Server) create(dir string, q *beginning, plan studies.Plan) (*studies.Study, error) {
	config := studies.Config{Plan: plan}
	var opened []*merge.Model
	defer func() {
		for _, m := range opened {
			m.Close()
		}
	}()
	open := func(what, name string, how func(name, path string) (*merge.Model, error)) (*studies.Given, error) {
		if name == "" {
			return nil, wrong("choose the %s", what)
		}
		path, err := s.inside(name, false)
		if err != nil {
			return nil, err
		}
		m, err := how(recipe.NameOf(name), path)
		if err != nil {
			return nil, err
		}
		opened = append(opened, m)
		return studies.FileOf(m), nil
	}
	var err error
	if config.Target, err = open("target", q.Target, merge.OpenModel); err != nil {
		return nil, err
	}
	if q.Base != "" {
		if config.Base, err = open("base", q.Base, merge.OpenModel); err != nil {
			return nil, err
		}
	}
	taken := map[string]string{}
	for _, name := range q.Sources {
		if name == q.Base { // it is a source anyway
			continue
		}
		m, err := open("sources", name, merge.OpenSource)
		if err != nil {
			return nil, err
		}
		if other, twice := taken[m.Name]; twice {
			return nil, wrong("%s and %s are both called %s: rename one of the files", safetext.Quote(other), safetext.Quote(name), safetext.Quote(m.Name))
		}
		taken[m.Name] = name
		config.Sources = append(config.Sources, m)
	}
	if len(config.Sources) == 0 && config.Base == nil {
		return nil, wrong("choose the models that the target may come from")
	}
	study, err := studies.Create(dir, config)
	if errors.Is(err, studies.ErrInvalid) && !slices.Contains(compose.Styles(), plan.Style) {
		return nil, wrong("no style %s: choose one of %s", safetext.Quote(string(plan.Style)), strings.Trim(fmt.Sprintf("%q", compose.Styles()[1:]), "[]"))
	}
	return study, err
}
