package merge_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/mergetest"
)

// However saving ends, nothing is being read afterwards: files may be closed
// then.
func TestSaveWaits(t *testing.T) {
	failure := errors.New("a failure")
	for name, test := range map[string]struct {
		cancel bool
		want   error
	}{
		"making fails": {want: failure},
		"canceled":     {cancel: true, want: context.Canceled},
	} {
		p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"))
		outs := weighted(t, p, mix(t, p, "A x 0.5 + B x 0.5 = M"), "")
		ctx, cancel := context.WithCancel(t.Context())
		var busy atomic.Int64
		begun := make(chan bool)
		// The first tensor of the file, and one that ends with its context alone.
		outs.List = outs.List[:2]
		outs.List[0].Tensor.DType, outs.List[1].Tensor.DType = "F32", "F16"
		outs.List[0].Sum, outs.List[1].Sum = nil, nil
		outs.List[0].Make = func(context.Context, int, int, func(merge.Values) error) error {
			<-begun
			if test.cancel {
				cancel()
				return ctx.Err()
			}
			return failure
		}
		outs.List[1].Make = func(ctx context.Context, _, _ int, _ func(merge.Values) error) error {
			busy.Add(1)
			defer busy.Add(-1)
			close(begun)
			<-ctx.Done()
			time.Sleep(20 * time.Millisecond)
			return ctx.Err()
		}
		dir := t.TempDir()
		_, err := merge.Save(ctx, outs, filepath.Join(dir, "out.safetensors"), merge.SaveOptions{})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if busy.Load() != 0 {
			t.Errorf("%s: something is still being read", name)
		}
		mergetest.Empty(t, dir)
		cancel()
	}
}
