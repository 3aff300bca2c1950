//go:build !amd64 || purego

package torchrand

func normals(dst []float32, state []uint32) { normalsGo(dst, state) }
func twist(state, far []uint32)             { twistGo(state, far) }
