//go:build !amd64 || purego

package vec

func mulT(c, a, b []float32, m, n, k int) { mulTGeneric(c, a, b, m, n, k) }

func mulTInOrder(c, a, b []float32, m, n, k int) { mulTInOrderGeneric(c, a, b, m, n, k) }
