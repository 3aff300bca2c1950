package vec

// generic is the product in plain loops, of each four columns at a time: a
// processor can work on four sums while it waits for the last addition to each.
func generic(o Order, c, a, b []float32, m, n, k int) {
	add := inOrderGo
	if o == Fused {
		add = fusedGo
	}
	block := o.block(k)
	for i := range m {
		x := a[i*k : (i+1)*k]
		for j := 0; j < n; j += 4 {
			var y [4][]float32
			for s := range y {
				row := min(j+s, n-1) // the last one again where there are no more
				y[s] = b[row*k : (row+1)*k]
			}
			total := c[i*n+j : i*n+min(j+4, n)]
			for l := 0; l < k; l += block {
				end := min(l+block, k)
				sums := add(x[l:end], y[0][l:end], y[1][l:end], y[2][l:end], y[3][l:end])
				for s := range total {
					if l == 0 {
						total[s] = sums[s]
					} else {
						total[s] += sums[s]
					}
				}
			}
		}
	}
}

// fusedGo returns the inner products of x with four others, rounded once a
// product.
func fusedGo(x, y0, y1, y2, y3 []float32) [4]float32 {
	var s0, s1, s2, s3 float32
	y0, y1, y2, y3 = y0[:len(x)], y1[:len(x)], y2[:len(x)], y3[:len(x)]
	for i, v := range x {
		s0 = FMA(v, y0[i], s0)
		s1 = FMA(v, y1[i], s1)
		s2 = FMA(v, y2[i], s2)
		s3 = FMA(v, y3[i], s3)
	}
	return [4]float32{s0, s1, s2, s3}
}

// inOrderGo is fusedGo, rounded twice a product.
func inOrderGo(x, y0, y1, y2, y3 []float32) [4]float32 {
	var s0, s1, s2, s3 float32
	y0, y1, y2, y3 = y0[:len(x)], y1[:len(x)], y2[:len(x)], y3[:len(x)]
	for i, v := range x {
		s0 += float32(v * y0[i])
		s1 += float32(v * y1[i])
		s2 += float32(v * y2[i])
		s3 += float32(v * y3[i])
	}
	return [4]float32{s0, s1, s2, s3}
}
