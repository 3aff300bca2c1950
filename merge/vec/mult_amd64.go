//go:build !purego

package vec

import "golang.org/x/sys/cpu"

// A tile is what one call of the assembly computes: some rows of c, tileCols
// wide. Its sums fill the registers of AVX2 together with their operands.
//
// It sets the tile at c, of rows cStride elements apart, to the products of as
// many rows at a, of k elements each, with sixteen rows of b. Panel holds these
// by column: element l of all sixteen, then element l+1. Each sum runs from
// element 0 to k-1.
type tile func(c *float32, cStride int, a *float32, k int, panel *float32)

const (
	tileCols    = 16
	fusedRows   = 6
	inOrderRows = 4
)

// fusedTile rounds once where inOrderTile rounds twice, after the
// multiplication and after the addition.
//
//go:noescape
func fusedTile(c *float32, cStride int, a *float32, k int, panel *float32)

//go:noescape
func inOrderTile(c *float32, cStride int, a *float32, k int, panel *float32)

func mulT(c, a, b []float32, m, n, k int) {
	if !fast() || m < fusedRows || n < tileCols {
		mulTGeneric(c, a, b, m, n, k)
		return
	}
	tiles(fusedTile, fusedRows, c, a, b, m, n, k)
}

func mulTInOrder(c, a, b []float32, m, n, k int) {
	if !fast() || m < inOrderRows || n < tileCols {
		mulTInOrderGeneric(c, a, b, m, n, k)
		return
	}
	tiles(inOrderTile, inOrderRows, c, a, b, m, n, k)
}

// fast reports whether the processor has what the tiles need.
func fast() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

// tiles covers c, which is no smaller than a tile, with tiles of so many rows.
func tiles(f tile, rows int, c, a, b []float32, m, n, k int) {
	panel := make([]float32, tileCols*k)
	for j := 0; j < n; j += tileCols {
		j := min(j, n-tileCols) // the last tiles begin early: full, and some of it twice
		for s := range tileCols {
			for l, v := range b[(j+s)*k : (j+s+1)*k] {
				panel[l*tileCols+s] = v
			}
		}
		for i := 0; i < m; i += rows {
			i := min(i, m-rows)
			f(&c[i*n+j], n, &a[i*k], k, &panel[0])
		}
	}
}
