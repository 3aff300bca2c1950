package chain

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkFind finds chains of several lengths in one of which all models take
// part in all blocks.
func BenchmarkFind(b *testing.B) {
	l := layout(b)
	for _, n := range []int{5, 10, 25} {
		b.Run(fmt.Sprint(n, " models"), func(b *testing.B) {
			q := sizedPlant(rand.New(rand.NewPCG(5, uint64(n))), l, n-1).problem(rand.New(rand.NewPCG(6, 7)), 2e-5)
			for b.Loop() {
				if _, err := Find(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
