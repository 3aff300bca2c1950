package chain

import (
	"context"
	"math/rand/v2"
	"testing"
)

// TestManyModels finds chains of many models, with a base named and without. With
// -v it prints how much of them.
func TestManyModels(t *testing.T) {
	l := layout(t)
	for _, n := range []int{9, 24} {
		for _, named := range []bool{true, false} {
			typed, total := 0, 0
			for s := range uint64(2) {
				if (testing.Short() || n > 10) && s > 0 || testing.Short() && n > 10 {
					break
				}
				r := rand.New(rand.NewPCG(s, uint64(n)))
				p := sizedPlant(r, l, n)
				q := p.problem(r, 1e-5)
				if !named {
					q.Base = -1
				}
				c, err := Find(context.Background(), q)
				if err != nil {
					t.Fatalf("%d models: %v", n+1, err)
				}
				a, b, _ := tally(p, c)
				typed, total = typed+a, total+b
			}
			if total == 0 {
				continue
			}
			if 2*typed < total {
				t.Errorf("%d of %d ratios", typed, total)
			}
			t.Logf("%d models, base named %t: %.1f %% of the ratios as typed", n+1, named, 100*float64(typed)/float64(total))
		}
	}
}
