//go:build (!amd64 && !arm64) || purego

package vec

func kernels(Order) []kernel { return nil }
