package optimize_test

import (
	"context"
	"fmt"

	"mixmatch/optimize"
)

// A search is noted trial by trial, stopped, and gone on with from the notes.
func Example() {
	f := func(x []float64) (float64, error) {
		return (x[0]-0.3)*(x[0]-0.3) + (x[1]+2)*(x[1]+2), nil
	}
	var journal []optimize.Trial
	s := optimize.Settings{
		Name:    "OUT04",
		Box:     optimize.Box{Lower: []float64{-1, -1}, Upper: []float64{2, 2}},
		Sampler: "cmaes",
		Start:   []float64{0.5, 0.5},
		Trials:  50,
		Polish:  200,
		Note: func(t optimize.Trial) error {
			journal = append(journal, t)
			if len(journal) == 20 {
				return fmt.Errorf("stopped after trial %d", t.Number)
			}
			return nil
		},
	}
	_, err := optimize.Minimize(context.Background(), f, s)
	fmt.Println(err)

	s.Done = journal
	best, err := optimize.Minimize(context.Background(), f, s)
	fmt.Printf("trial %d by %s: %.4f at %.4f (%v)\n", best.Number, best.By, best.Value, best.X, err)
	// Output:
	// stopped after trial 19
	// trial 51 by polish: 1.0000 at [0.3000 -1.0000] (<nil>)
}
