package block_test

import (
	"fmt"

	"mixmatch/merge/block"
)

func Example() {
	const key = "model.diffusion_model.time_embed.0.weight"
	for _, era := range block.ErasOf(block.SD1) {
		l, err := block.For(block.SD1, era)
		if err != nil {
			fmt.Println(err)
			return
		}
		id, _ := l.Of(key)
		fmt.Println(l.Len(), era, l.Name(id))
	}
	// Output:
	// 26 sm2025-10 OUT11
	// 26 sm2023-06 IN00
	// 26 sd-mecha BASE
}
