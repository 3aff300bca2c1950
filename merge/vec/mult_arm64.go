//go:build !purego

package vec

//go:noescape
func fusedTileNEON(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)

// kernels returns those that this processor has, the fastest first. Every arm64
// processor has NEON, whose multiply-add rounds once.
func kernels(o Order) []kernel {
	if o == Fused {
		return []kernel{{6, 16, fusedTileNEON}}
	}
	return nil
}
