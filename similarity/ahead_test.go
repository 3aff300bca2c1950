package similarity

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestAhead(t *testing.T) {
	var got []int
	square := func(_ context.Context, i int) (int, error) { return i * i, nil }
	if err := ahead(t.Context(), 5, square, func(_, v int) error { got = append(got, v); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 4, 9, 16}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// However it ends, nothing is being made afterwards: files may be closed then.
func TestAheadWaits(t *testing.T) {
	failure := errors.New("a failure")
	for name, test := range map[string]struct {
		produce, use error // of the second
		cancel       bool  // while the second is made
		want         error
	}{
		"making fails": {produce: failure, want: failure},
		"using fails":  {use: failure, want: failure},
		"canceled":     {cancel: true, want: context.Canceled},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var busy atomic.Bool
		produce := func(ctx context.Context, i int) (int, error) {
			busy.Store(true)
			defer busy.Store(false)
			switch {
			case i == 1 && test.cancel:
				cancel()
			case i == 1 && test.produce != nil:
				return 0, test.produce
			case i == 2: // a long one: it ends with its context alone
				<-ctx.Done()
				time.Sleep(20 * time.Millisecond)
			}
			return i, ctx.Err()
		}
		err := ahead(ctx, 9, produce, func(i, _ int) error {
			if i == 1 {
				return test.use
			}
			return nil
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if busy.Load() {
			t.Errorf("%s: something is still being made", name)
		}
		cancel()
	}
}
