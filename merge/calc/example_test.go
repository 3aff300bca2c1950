package calc_test

import (
	"fmt"

	"mixmatch/merge/calc"
)

func ExampleStep_Merge() {
	a := calc.Tensor{DType: calc.F16, Shape: []int{3}, Data: []float32{1, 0.5, -2}}
	b := calc.Tensor{DType: calc.F16, Shape: []int{3}, Data: []float32{2, 0.25, -1}}
	step := calc.Step{Mode: calc.WeightSum, Alpha: 0.08}
	t, err := step.Merge(nil, "model.diffusion_model.out.0.weight", a, b, calc.Tensor{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.DType, t.Data) // what float16 makes of 1.08, 0.48 and -1.92
	// Output: F16 [1.0800781 0.47998047 -1.9199219]
}
