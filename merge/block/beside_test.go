package block

import (
	"slices"
	"testing"
)

func TestTakes(t *testing.T) {
	kinds := []Model{
		{SD1, ""},
		{SD1, "inpainting"},
		{SD1, "pix2pix"},
		{SD2, ""},
		{SD2, "depth"},
		{SDXL, ""},
		{SDXL, "inpainting"},
		{Flux, ""},
		{Flux, "schnell"},
		{Flux, "fill"},
		{"sd3-24", ""},
		{"sd3-24", "3.5"},
		{"auto:a*2", ""},
	}
	takes := map[[2]string]bool{
		{"sd1 inpainting", "sd1"}: true, {"sd1 pix2pix", "sd1"}: true, {"sdxl inpainting", "sdxl"}: true,
		{"flux", "flux schnell"}: true, {"flux schnell", "flux"}: true,
	}
	for _, a := range kinds {
		for _, b := range kinds {
			if got := a.Takes(b); got != (a == b || takes[[2]string{a.String(), b.String()}]) {
				t.Errorf("%s takes in %s: %v", a, b, got)
			}
		}
	}
	for _, tt := range []struct {
		kind  Model
		key   string
		shape []int
		want  []int // nil for nothing
	}{
		{Model{SD1, "inpainting"}, convIn, []int{320, 9, 3, 3}, []int{320, 4, 3, 3}},
		{Model{SD1, ""}, convIn, []int{320, 4, 3, 3}, []int{320, 4, 3, 3}},
		{Model{SD1, "inpainting"}, firstIn, []int{320, 320, 1, 1}, []int{320, 320, 1, 1}},
		{Model{Flux, ""}, unetPrefix + "guidance_in.in_layer.bias", []int{3}, nil},
		{Model{Flux, ""}, unetPrefix + "img_in.bias", []int{3}, []int{3}},
		{Model{"sd3-24", ""}, "x", []int{3}, []int{3}},
	} {
		got, ok := tt.kind.Shared(tt.key, tt.shape)
		if ok != (tt.want != nil) || ok && !slices.Equal(got, tt.want) {
			t.Errorf("%s shares %v of %s, %v; want %v", tt.kind, got, tt.key, ok, tt.want)
		}
	}
}
