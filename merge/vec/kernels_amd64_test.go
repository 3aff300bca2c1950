//go:build !purego

package vec

import "testing"

// everyKernel runs a test with AVX-512, with AVX2 and with plain Go.
func everyKernel(t *testing.T, test func(t *testing.T)) {
	was, was512 := fast, fast512
	defer func() { fast, fast512 = was, was512 }()
	if fast512 {
		t.Run("AVX-512", test)
	}
	if fast512 = false; fast {
		t.Run("AVX2", test)
	}
	fast = false
	t.Run("Go", test)
}
