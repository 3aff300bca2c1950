package checkpoint_test

import (
	"context"
	"testing"

	"mixmatch/merge/mergetest"
)

func TestEqual(t *testing.T) {
	a := mergetest.Sketch{Div: 40}.Open(t, "a")
	same := mergetest.Sketch{Div: 40}.Open(t, "same")
	bit := mergetest.Sketch{Div: 40, Edit: func(key string, x []float32) {
		if key == "model.diffusion_model.out.2.bias" {
			x[len(x)-1] += 0.25
		}
	}}.Open(t, "bit")
	fewer := mergetest.Sketch{Div: 40, Drop: "out.2.bias"}.Open(t, "fewer")
	for _, c := range []struct {
		name string
		got  func() (bool, error)
		want bool
	}{
		{"same", func() (bool, error) { return a.File.Equal(context.Background(), same.File) }, true},
		{"one number", func() (bool, error) { return a.File.Equal(context.Background(), bit.File) }, false},
		{"a tensor less", func() (bool, error) { return a.File.Equal(context.Background(), fewer.File) }, false},
	} {
		if got, err := c.got(); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.name, got, err)
		}
	}
}
