package recipe_test

import (
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

func Example() {
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := recipe.Parse(l, `
FINAL = TEMP x 0.75 + OpenBra x 0.25
TEMP = OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x 0.5
`, recipe.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(r)
	p := r.Program()
	fmt.Println(p.Sources)
	fmt.Println(p.Weights(r.Column(0)))
	// Output:
	// OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x 0.5 = TEMP
	// TEMP x 0.75 + OpenBra x 0.25 = FINAL
	// [OpenBra Evt_V4_e04_ema v1-5-pruned-emaonly]
	// [1 0.375 -0.375]
}

func ExampleVector() {
	l, err := block.For(block.SDXL, block.SM2025)
	if err != nil {
		fmt.Println(err)
		return
	}
	row := recipe.Uniform(l, 0)
	row[0].Value = 1
	row[19].Value = 1e-7
	fmt.Println(recipe.Vector(row))
	// Output:
	// 1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.0000001
}

// A recipe with a hole is a search space.
func ExampleRecipe_Holes() {
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := recipe.Parse(l, `
A x 0.9 + B x 0.1 = TEMP
TEMP + (C - base) x ?[0,0.5] = FINAL
`, recipe.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Holes(3), r.Ratio(3, 1).Hi)
	for id := range l.Blocks().All() {
		x := r.Column(id)
		x[1] = 0.08
		r.SetColumn(id, x)
	}
	fmt.Print(r)
	// Output:
	// [1] 0.5
	// A x 0.9 + B x 0.1 = TEMP
	// TEMP + (C - base) x 0.08 = FINAL
}

func ExampleRecipe_Resolve() {
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := recipe.Parse(l, "dreamshaper_6 x 0.5 + OpenBra x 0.5 = MIX", recipe.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Resolve([]string{"OpenBra", "dreamshaper_6NoVae"}))
	// Output:
	// line 1: unknown model dreamshaper_6: did you mean dreamshaper_6NoVae?
}
