package calc

// mergeSmooth is A + alpha F(B), in float32, where F takes the median of each
// element and its neighbours on all axes, and blurs the result (mergers.py:900).
// B is the difference B - C in AddDifference; otherwise, as in SuperMerger, it
// is B itself, which hardly anyone can want.
func (s Step) mergeSmooth(dst []float32, a, b Tensor) {
	f := medians(b.Data, b.Shape)
	blur(f, b.Shape)
	addScaled(dst, a.Data, f, float32(s.Alpha))
}

// gauss is scipy's kernel of standard deviation 1 out to 4: exp(-i²/2), from
// the centre outwards, divided by the sum of all nine.
var gauss = [5]float64{0.39894346935609776, 0.24197144565660073, 0.05399112742070441, 0.0044318616200312655, 0.00013383062461474175}

// blur filters x with gauss along one axis after the other, rounding to float32
// after each: scipy.ndimage.gaussian_filter with its defaults.
func blur(x []float32, shape []int) {
	stride := len(x)
	for _, n := range shape {
		if n == 0 {
			return
		}
		stride /= n
		line := make([]float64, n+2*(len(gauss)-1))
		for at := range x {
			if at/stride%n == 0 {
				blurLine(x[at:], stride, n, line)
			}
		}
	}
}

// blurLine filters the n elements of x that are stride apart. line is scratch:
// the elements with 4 more at both ends.
func blurLine(x []float32, stride, n int, line []float64) {
	const r = len(gauss) - 1
	for i := range line {
		line[i] = float64(x[mirror(i-r, n)*stride])
	}
	for i := range n {
		sum := float64(line[i+r] * gauss[0])
		for j := r; j > 0; j-- { // scipy's order
			pair := float64(line[i+r-j] + line[i+r+j])
			sum = float64(sum + float64(pair*gauss[j]))
		}
		x[i*stride] = float32(sum)
	}
}

// mirror returns the element of n that stands at i, where i is outside: beyond
// each end the elements come again in the opposite order, the last one first.
func mirror(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	if i >= n {
		return 2*n - 1 - i
	}
	return i
}
