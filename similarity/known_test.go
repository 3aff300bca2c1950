package similarity_test

import (
	"errors"
	"os"
	"reflect"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// measureAll measures the targets, and says how many bytes were read.
func measureAll(t *testing.T, models, targets []*merge.Model, o similarity.Options) ([]*similarity.Gram, int64, error) {
	t.Helper()
	pool, err := merge.NewPool(models)
	if err != nil {
		t.Fatal(err)
	}
	var read int64
	o.Progress = func(done, total int64) {
		if read = done; done > total {
			t.Errorf("%d of %d bytes are read", done, total)
		}
	}
	all, err := similarity.MeasureAll(t.Context(), pool, targets, o)
	return all, read, err
}

// TestKnown takes over products of fewer models, of other targets, and of some of
// the tensors: what comes of it is, to the bit, what is measured at once.
func TestKnown(t *testing.T) {
	base := write(t, "base", 1, "F32", nil, nil)
	one, two, three := write(t, "one", 2, "F16", noVAE, nil), write(t, "two", 3, "BF16", noText, nil), write(t, "three", 4, "F16", nil, nil)
	x, y := write(t, "x", 5, "F16", nil, nil), write(t, "y", 6, "BF16", noVAE, nil)
	models, targets := []*merge.Model{base, one, two, three}, []*merge.Model{x, y}
	measure := func(models, targets []*merge.Model, known ...similarity.Known) ([]*similarity.Gram, int64) {
		t.Helper()
		all, read, err := measureAll(t, models, targets, similarity.Options{Threads: 2, Contents: true, Known: known})
		if err != nil {
			t.Fatal(err)
		}
		return all, read
	}
	wantX, full := measure(models, targets[:1])
	wantY, _ := measure(models, targets[1:])
	want := []*similarity.Gram{wantX[0], wantY[0]}
	same := func(what string, got, want []*similarity.Gram) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: other products than measured at once", what)
		}
	}
	var size int64
	for _, m := range append(models, x) {
		size += m.File.Size()
	}
	if full > size || full < size*9/10 {
		t.Errorf("%d bytes are read of files of %d", full, size)
	}

	got, read := measure(models, targets)
	same("two targets", got, want)
	if most := full + y.File.Size(); read > most {
		t.Errorf("two targets: %d bytes are read, more than %d", read, most)
	}
	got, read = measure(models, targets[:1], similarity.Known{Gram: want[0]})
	same("all known", got, want[:1])
	if read != 0 {
		t.Errorf("all known: %d bytes are read", read)
	}
	fewer, _ := measure([]*merge.Model{base, three, one}, targets[:1])
	got, _ = measure(models, targets[:1], similarity.Known{Gram: fewer[0]})
	same("a new model, others in another order", got, want[:1])
	got, _ = measure(models, targets[1:], similarity.Known{Gram: fewer[0], Target: -1})
	same("another target", got, want[1:])
	other, _ := measure([]*merge.Model{three, one}, targets[:1])
	got, _ = measure(models, targets[:1], similarity.Known{Gram: other[0]})
	same("measured from another model", got, want[:1])

	// A reading that stops keeps what it has.
	stop := errors.New("stop")
	kept := &similarity.Gram{Names: want[0].Names}
	_, _, err := measureAll(t, models, targets[:1], similarity.Options{Threads: 1, Contents: true, Keep: func(_ int, p *similarity.Products) error {
		if kept.Tensors = append(kept.Tensors, *p); len(kept.Tensors) == len(want[0].Tensors)/2 {
			return stop
		}
		return nil
	}})
	if !errors.Is(err, stop) {
		t.Fatalf("stopped: %v", err)
	}
	more := 0
	got, read, err = measureAll(t, models, targets[:1], similarity.Options{
		Contents: true, Known: []similarity.Known{{Gram: kept}},
		Keep: func(int, *similarity.Products) error { more++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	same("gone on", got, want[:1])
	if read >= full || more != len(want[0].Tensors)-len(kept.Tensors) {
		t.Errorf("gone on: %d of %d bytes are read, for %d tensors", read, full, more)
	}
}

// TestKnownOfOtherFiles changes a number of a file between two readings.
func TestKnownOfOtherFiles(t *testing.T) {
	base, one, two, x := write(t, "base", 1, "F32", nil, nil), write(t, "one", 2, "F16", nil, nil), write(t, "two", 3, "F16", nil, nil), write(t, "x", 5, "F16", nil, nil)
	before, _, err := measureAll(t, []*merge.Model{base, one}, []*merge.Model{x}, similarity.Options{Contents: true})
	if err != nil {
		t.Fatal(err)
	}
	path := one.File.Path()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := merge.OpenModel("one", path)
	if err != nil {
		t.Fatal(err)
	}
	defer changed.Close()
	_, _, err = measureAll(t, []*merge.Model{base, changed, two}, []*merge.Model{x}, similarity.Options{Contents: true, Known: []similarity.Known{{Gram: before[0]}}})
	if !errors.Is(err, checkpoint.ErrChanged) {
		t.Errorf("a changed file: %v", err)
	}
}
