package similarity

// ahead makes something for 0 to n-1 and hands it to use. The next one is made
// while one is used, so no more than two of them are there at a time.
func ahead[T any](n int, produce func(i int) (T, error), use func(i int, v T) error) error {
	type made struct {
		v   T
		err error
	}
	next, stop := make(chan made), make(chan struct{})
	defer close(stop)
	go func() {
		for i := range n {
			v, err := produce(i)
			select {
			case next <- made{v, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for i := range n {
		m := <-next
		if m.err != nil {
			return m.err
		}
		if err := use(i, m.v); err != nil {
			return err
		}
	}
	return nil
}
