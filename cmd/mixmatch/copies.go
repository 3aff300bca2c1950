package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/studies"
)

// copies are models among which copies are looked for.
type copies struct {
	c     *cli.Context
	alike map[string][]kept // as far as a look here and there tells
	looks map[*studies.Given]string
}

// A kept is a model, and what to call it.
type kept struct {
	model *studies.Given
	name  string
}

// look returns what two models have in common if one is a copy of the other: what their
// tensors are, and some of their bytes.
func (s *copies) look(g *studies.Given) (string, error) {
	if g.Fingerprint != nil {
		return g.Fingerprint.Content, nil
	}
	if known, ok := s.looks[g]; ok {
		return known, nil
	}
	sample, err := g.Model.File.Sample()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, t := range g.Model.File.Tensors() {
		fmt.Fprintf(&text, "%q %s %v\n", t.Name, t.DType, t.Shape)
	}
	text.WriteString(sample)
	if s.looks == nil {
		s.looks = map[*studies.Given]string{}
	}
	s.looks[g] = text.String()
	return s.looks[g], nil
}

// add adds a model that later ones may be copies of.
func (s *copies) add(g *studies.Given, name string) error {
	look, err := s.look(g)
	if err == nil {
		s.alike[look] = append(s.alike[look], kept{g, name})
	}
	return err
}

// find returns what the model is called that g is a copy of, or "".
func (s *copies) find(g *studies.Given) (string, error) {
	look, err := s.look(g)
	if err != nil {
		return "", err
	}
	for _, k := range s.alike[look] {
		if g.Fingerprint != nil || k.model.Fingerprint != nil {
			return k.name, nil // their looks are digests of all
		}
		same, err := g.Model.File.Equal(s.c.Context, k.model.Model.File)
		if err != nil {
			return "", err
		}
		if same {
			return k.name, nil
		}
	}
	return "", nil
}
