package similarity

import (
	"context"
	"sync"
)

// ahead makes something for 0 to n-1 and hands it to use. The next one is made
// while one is used, so no more than two of them are there at a time. It ends
// with ctx, which produce is to hear too, and when it returns nothing is being
// made any more.
func ahead[T any](ctx context.Context, n int, produce func(ctx context.Context, i int) (T, error), use func(i int, v T) error) error {
	type made struct {
		v   T
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	next := make(chan made)
	var producer sync.WaitGroup
	defer producer.Wait()
	defer cancel()
	producer.Go(func() {
		for i := range n {
			v, err := produce(ctx, i)
			select {
			case next <- made{v, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	for i := range n {
		select {
		case m := <-next:
			if m.err != nil {
				return m.err
			}
			if err := use(i, m.v); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
