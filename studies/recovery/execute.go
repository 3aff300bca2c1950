package recovery

import (
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
	"mixmatch/merge/vec"
)

// execute returns what c makes of a tensor of the models. Each step is computed in
// float32 and rounded to float16, or with once only what the last one makes.
func execute(c *recipe.Recipe, t *tensor, models map[string][]float32, once bool) ([]float32, error) {
	wrap := func(name string, made map[string][]float32) calc.Tensor {
		x, ok := made[name]
		if !ok {
			x = models[name]
		}
		return calc.Tensor{DType: calc.F32, Shape: t.Shape, Data: x}
	}
	made := map[string][]float32{}
	for i, s := range c.Steps {
		step := calc.Step{Mode: calc.Mode(s.Mode), Era: block.SM2025, Alpha: s.Alpha[t.block].Value}
		x, err := step.Merge(nil, t.Name, wrap(s.A, made), wrap(s.B, made), wrap(s.C, made))
		if err != nil {
			return nil, err
		}
		if !once || i == len(c.Steps)-1 {
			vec.RoundF16(x.Data)
		}
		made[s.Out] = x.Data
	}
	return made[c.Result()], nil
}
