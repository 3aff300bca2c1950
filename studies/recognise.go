package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// recognise returns an error that wraps [ErrChanged] unless m has the content of
// model i. It is read only if the file was moved or touched since it was looked at
// last.
func (f *Files) recognise(ctx context.Context, i int, m *merge.Model) error {
	now, err := stamp(m)
	if err != nil {
		return err
	}
	was := &f.inputs[i]
	if now.untouched(&f.known[i]) {
		return nil
	}
	if !now.untouched(was) && !now.untouched(&f.places[i]) {
		if err := f.compare(ctx, i, m, &now); err != nil {
			return err
		}
	}
	f.known[i] = now
	return nil
}

// compare is recognise for a file that was moved or touched.
func (f *Files) compare(ctx context.Context, i int, m *merge.Model, now *Input) error {
	if f.isFingerprint(i) {
		return f.compareFingerprint(ctx, i, m, now)
	}
	was := &f.inputs[i]
	same, err := was.resembles(m, now)
	if err != nil {
		return err
	}
	if !same {
		return f.differs(i, now.Path, "")
	}
	known, err := f.contents()
	switch {
	case err != nil:
		return err
	case known == nil && was.Sample == "":
		f.note("%s was moved or touched, and its content is not written down: its size and header are those of when the study began", now.Path)
	case known == nil:
		f.note("%s was moved or touched before it was read: what is in it now is what is measured", now.Path)
	case known.Contents == nil:
		f.note("%s was moved or touched, and this study is of a version that did not write down contents: its size and header are those of when it began", now.Path)
	default:
		return f.compareContent(ctx, i, m, now)
	}
	return nil
}

// resembles reports whether m, which is now, is as in was, as far as a moment tells.
func (in *Input) resembles(m *merge.Model, now *Input) (bool, error) {
	if !now.alike(in) || in.Sample == "" {
		return now.alike(in), nil
	}
	sample, err := m.File.Sample()
	return sample == in.Sample, err
}

// compareContent reads m and compares it with what was measured.
func (f *Files) compareContent(ctx context.Context, i int, m *merge.Model, now *Input) error {
	var done int64
	read := func(n int64) {
		if done += n; f.Checking != nil {
			f.Checking(f.inputs[i].Name, done, m.File.Size())
		}
	}
	known := map[string]checkpoint.Sum{}
	buffer := make([]byte, 1<<18)
	for k := range f.gram.Tensors {
		q := &f.gram.Tensors[k]
		if q.Sums == nil || q.Sums[i] == "" {
			continue
		}
		t, ok := m.Tensor(q.Key)
		if !ok {
			return f.differs(i, now.Path, q.Key)
		}
		sum, err := m.File.SumOf(ctx, t, buffer, read)
		if err != nil {
			return err
		}
		if want, err := strconv.ParseUint(q.Sums[i], 16, 32); err != nil || checkpoint.Sum(want) != sum {
			return f.differs(i, now.Path, q.Key)
		}
		known[t.Name] = sum
	}
	content, err := m.File.Content(ctx, known, read)
	if err == nil && content != f.gram.Contents[i] {
		err = f.differs(i, now.Path, "")
	}
	return err
}

// differs is the error for a file with other content than model i.
func (f *Files) differs(i int, path, tensor string) error {
	what := "is not the file it was when the study began"
	if f.given[i] != "" {
		what = fmt.Sprintf("is not what %s was when the study began", f.inputs[i].Name)
	}
	if tensor != "" {
		what += fmt.Sprintf(": its %q differs", tensor)
	}
	return fmt.Errorf("%w: %s %s: put that back, or %s", ErrChanged, path, what, f.advice(i))
}

// contents returns the products that the study keeps, which tell the contents; nil if
// there are none yet.
func (f *Files) contents() (*similarity.Gram, error) {
	if f.gram != nil {
		return f.gram, nil
	}
	g, err := f.study.kept(context.Background())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	f.gram = g
	return g, err
}
