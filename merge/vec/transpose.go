package vec

// Transpose sets dst, whose rows are dstStride numbers apart, to the transpose of
// the rows x cols matrix src, whose rows are srcStride numbers apart.
func Transpose(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	check(rows > 0 && cols > 0 && dstStride >= rows && srcStride >= cols)
	check(len(dst) >= (cols-1)*dstStride+rows && len(src) >= (rows-1)*srcStride+cols)
	i := 0
	for ; i+8 <= rows; i += 8 { // half a cache line of dst
		done := transposeFast(dst[i:], dstStride, src[i*srcStride:], srcStride, cols)
		transposeGo(dst[i:], dstStride, src[i*srcStride:], srcStride, 8, done, cols)
	}
	transposeGo(dst[i:], dstStride, src[min(i*srcStride, len(src)):], srcStride, rows-i, 0, cols)
}

// transposeGo does the columns from from on.
func transposeGo(dst []float32, dstStride int, src []float32, srcStride, rows, from, cols int) {
	for r := range rows {
		for c := from; c < cols; c++ {
			dst[c*dstStride+r] = src[r*srcStride+c]
		}
	}
}
