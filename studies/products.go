package studies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/durable"
	"mixmatch/similarity"
)

// products returns the inner products: those that the study keeps or else those
// of the files, which it keeps from then on. Nothing that follows from them needs
// a file.
func (s *Study) products(ctx context.Context, o Options) (*similarity.Gram, error) {
	g, err := s.kept(ctx)
	if !errors.Is(err, os.ErrNotExist) {
		return g, err
	}
	read := readFiles
	if len(s.Plan.Fingerprints()) > 0 {
		read = readFingerprints
	}
	all, err := read(ctx, []*Study{s}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// keep keeps the products, in place of what was kept while they were measured.
func (s *Study) keep(g *similarity.Gram) error {
	if err := storeGram(s.path(productsFile), g); err != nil {
		return err
	}
	for _, name := range []string{readingFile, knownFile, knownSourcesFile, former(readingFile), former(knownFile), former(knownSourcesFile)} {
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// storeGram writes products to a file.
func storeGram(path string, g *similarity.Gram) error {
	size, err := g.WriteTo(io.Discard)
	if err != nil {
		return err
	}
	f, err := durable.Create(path, size, true)
	if err != nil {
		return err
	}
	if _, err := g.WriteTo(f); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// loadGram reads the products in the file of a name, or in what it was called once.
// The error wraps [os.ErrNotExist] if there is neither, and says what deleting the file
// does if it is damaged.
func (s *Study) loadGram(ctx context.Context, name, anew string) (*similarity.Gram, string, error) {
	path := s.path(name)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		if old, bad := os.Open(s.path(former(name))); bad == nil {
			f, err, path = old, nil, s.path(former(name))
		}
	}
	if err != nil {
		return nil, path, err
	}
	defer f.Close()
	g, err := similarity.ReadGram(stoppable{ctx, f})
	if err := ctx.Err(); err != nil {
		return nil, path, err
	}
	if err != nil {
		return nil, path, fmt.Errorf("%s: %w: %w: delete it to have %s", path, ErrDamaged, err, anew)
	}
	return g, path, nil
}

// A stoppable reader ends with its context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}

// hasProducts reports whether the study keeps products.
func (s *Study) hasProducts() (bool, error) {
	for _, name := range []string{productsFile, former(productsFile)} {
		if _, err := os.Stat(s.path(name)); !errors.Is(err, os.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// kept returns the inner products that the study keeps. The error wraps
// [os.ErrNotExist] if it has none yet.
func (s *Study) kept(ctx context.Context) (*similarity.Gram, error) {
	if _, err := s.told(); err != nil { // it was written before them
		return nil, err
	}
	g, path, err := s.loadGram(ctx, productsFile, "it made again")
	if err != nil {
		return nil, err
	}
	if !slices.Equal(g.Names, s.Plan.names()) {
		return nil, fmt.Errorf("%s: %w: it is of other models: delete it to have it made again", path, ErrDamaged)
	}
	if g.Arch == "" {
		g.Arch, err = s.arch()
	}
	return g, err
}

// arch returns the architecture of the models, for products that do not say it:
// from the summary of an earlier run, or from the target's file.
func (s *Study) arch() (block.Arch, error) {
	if sum, err := ReadSummary(s.Dir); err == nil {
		return sum.Arch, nil
	}
	m, err := merge.OpenModel(s.Plan.Target.Name, s.Plan.Target.Path)
	if err != nil {
		return "", err
	}
	defer m.Close()
	return m.Kind.Arch, nil
}

// sumOwn fills in the contents of the files of which something else was measured than
// what is in them: LoRAs, and models of which a part stands beside others.
func (s *Study) sumOwn(ctx context.Context, g *similarity.Gram) error {
	inputs := s.Plan.inputs()
	mixed := slices.ContainsFunc(inputs, func(in Input) bool { return in.Variant != "" })
	for i, in := range inputs {
		if !in.Difference && !mixed {
			continue
		}
		m, err := s.Files.open(ctx, i, true)
		if err != nil {
			return err
		}
		g.Contents[i], err = ownContent(ctx, g, i, m)
		m.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// ownContent returns the content of m, the i-th model of g, and forgets the sums of
// tensors that are others in the file.
func ownContent(ctx context.Context, g *similarity.Gram, i int, m *merge.Model) (string, error) {
	known := map[string]checkpoint.Sum{}
	for k := range g.Tensors {
		q := &g.Tensors[k]
		if q.Sums[i] == "" {
			continue
		}
		if t, ok := m.Tensor(q.Key); !ok || t.Len() != q.Len {
			q.Sums[i] = ""
		} else if sum, err := strconv.ParseUint(q.Sums[i], 16, 32); err == nil {
			known[t.Name] = checkpoint.Sum(sum)
		}
	}
	return m.File.Content(ctx, known, nil)
}
