package calc

// medians returns the median of each element of x and its neighbours: 3 in each
// axis, so 3^k in all, mirrored at the ends. It is scipy.ndimage.median_filter
// of size 3.
func medians(x []float32, shape []int) []float32 {
	out := make([]float32, len(x))
	if len(x) == 0 {
		return out
	}
	// around[k] lists, for each place on axis k, the distances to the three
	// neighbours, in elements.
	around := make([][][3]int, len(shape))
	stride, size := len(x), 1
	for k, n := range shape {
		stride /= n
		size *= 3
		around[k] = make([][3]int, n)
		for i := range n {
			around[k][i] = [3]int{mirror(i-1, n) * stride, i * stride, mirror(i+1, n) * stride}
		}
	}
	window, places := make([]float32, size), make([]int, size)
	at := make([]int, len(shape)) // the place on each axis
	for e := range out {
		places = append(places[:0], 0)
		for k := range shape {
			near := around[k][at[k]]
			for _, p := range places {
				places = append(places, p+near[1], p+near[2])
			}
			for i := range len(places) / 3 {
				places[i] += near[0]
			}
		}
		for i, p := range places {
			window[i] = x[p]
		}
		out[e] = middle(window)
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
	}
	return out
}

// middle returns the median of x, an odd number of elements, which it reorders:
// Hoare's algorithm.
func middle(x []float32) float32 {
	k, lo, hi := len(x)/2, 0, len(x)-1
	for lo < hi {
		pivot, i, j := x[k], lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for pivot < x[j] {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		if j < k {
			lo = i
		}
		if k < i {
			hi = j
		}
	}
	return x[k]
}
