//go:build !purego

package vec

import "golang.org/x/sys/cpu"

// fusedTile512 rounds once where inOrderTile rounds twice, after the
// multiplication and after the addition, and so does fusedTile: these two give
// equal bits. Each fills the registers of AVX-512 or of AVX2 with its sums and
// their operands.
//
//go:noescape
func fusedTile512(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)

//go:noescape
func fusedTile(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)

//go:noescape
func inOrderTile(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)

// kernels returns those that this processor has, the fastest first.
func kernels(o Order) (list []kernel) {
	switch {
	case o == InOrder && fast:
		return []kernel{{4, 16, inOrderTile}}
	case o == Fused && fast && cpu.X86.HasAVX512F:
		return []kernel{{8, 48, fusedTile512}, {6, 16, fusedTile}}
	case o == Fused && fast:
		return []kernel{{6, 16, fusedTile}}
	}
	return nil
}
