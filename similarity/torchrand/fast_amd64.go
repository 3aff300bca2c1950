//go:build !purego

package torchrand

import "golang.org/x/sys/cpu"

// normalsAVX2 is normalsGo, to the bit.
//
//go:noescape
func normalsAVX2(dst *float32, state *uint32, groups int)

// twistAVX2 is twistGo of 8 n words, to the bit.
//
//go:noescape
func twistAVX2(state, far *uint32, n int)

var fast = cpu.X86.HasAVX2 && cpu.X86.HasFMA

func normals(dst []float32, state []uint32) {
	if !fast {
		normalsGo(dst, state)
		return
	}
	normalsAVX2(&dst[0], &state[0], len(dst)/vector)
}

func twist(state, far []uint32) {
	done := 0
	if fast && len(far) >= 8 {
		done = len(far) &^ 7
		twistAVX2(&state[0], &far[0], done/8)
	}
	twistGo(state[done:], far[done:])
}
