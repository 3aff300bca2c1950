package calc

// The sums below are in float32, in the order of torch's CPU kernels
// (aten/src/ATen/native/cpu/SumKernel.cpp, eight numbers a vector), on one
// thread: the last bits depend on it, and with them those of a merge. Long sums
// cascade: every so many terms the sum so far is handed up a level.

// lanes is how many columns torch adds up in one vector.
const lanes = 8

// levels is how many sums a cascade has.
const levels = 4

// terms are products x*y of two matrices, with columns scaled: (x/nx)*(y/ny).
type terms struct {
	x, y   []float32
	nx, ny []float32 // a divisor for each column
}

// row adds row, width terms from at on, whose columns begin at col, to sum.
func (t terms) row(sum []float32, at, col int) {
	n := len(sum)
	x, y, nx, ny := t.x[at:at+n], t.y[at:at+n], t.nx[col:col+n], t.ny[col:col+n]
	for i := range sum {
		sum[i] = float32(sum[i] + float32(float32(x[i]/nx[i])*float32(y[i]/ny[i])))
	}
}

// cascade sets sum to the sums of size rows, which are stride apart.
func (t terms) cascade(sum []float32, at, col, stride, size int) {
	power := max(4, ceilLog2(size)/levels)
	step := 1 << power
	var store [levels][4 * lanes]float32
	width := len(sum)
	i := 0
	for i+step <= size {
		for range step {
			t.row(store[0][:width], at+i*stride, col)
			i++
		}
		for j := 1; j < levels; j++ {
			for k := range width {
				store[j][k] = float32(store[j][k] + store[j-1][k])
				store[j-1][k] = 0
			}
			if i&((step-1)<<(j*power)) != 0 {
				break
			}
		}
	}
	for ; i < size; i++ {
		t.row(store[0][:width], at+i*stride, col)
	}
	for k := range sum {
		sum[k] = store[0][k]
		for j := 1; j < levels; j++ {
			sum[k] = float32(sum[k] + store[j][k])
		}
	}
}

// quarters sets sum to the sums of size rows, by way of four interleaved sums.
func (t terms) quarters(sum []float32, at, col, stride, size int) {
	var part [4][lanes]float32
	for q := range part {
		t.cascade(part[q][:len(sum)], at+q*stride, col, 4*stride, size/4)
	}
	for i := size / 4 * 4; i < size; i++ {
		t.row(part[0][:len(sum)], at+i*stride, col)
	}
	for k := range sum {
		sum[k] = part[0][k]
		for q := 1; q < len(part); q++ {
			sum[k] = float32(sum[k] + part[q][k])
		}
	}
}

// columnSums sets sum to the sums of the columns of rows x len(sum) terms.
func (t terms) columnSums(sum []float32, rows int) {
	cols, col := len(sum), 0
	wide, narrow := 4*lanes, lanes
	if cols < lanes {
		wide, narrow = 4, 1
	}
	for ; col+wide <= cols; col += wide {
		t.cascade(sum[col:col+wide], col, col, cols, rows)
	}
	for ; col < cols; col += narrow {
		if col+narrow > cols {
			narrow = 1
		}
		t.quarters(sum[col:col+narrow], col, col, cols, rows)
	}
}

// rowSum returns the sum of (x/nx)*(y/ny) over a row of elements.
func rowSum(x, y []float32, nx, ny float32) float32 {
	var dx, dy [lanes]float32
	for i := range lanes {
		dx[i], dy[i] = nx, ny
	}
	t := terms{x, y, dx[:], dy[:]}
	var sum [lanes]float32
	if len(x) < lanes {
		t.quarters(sum[:1], 0, 0, 1, len(x))
		return sum[0]
	}
	n := len(x) / lanes
	t.quarters(sum[:], 0, 0, lanes, n)
	var total [1]float32
	for i := n * lanes; i < len(x); i++ {
		t.row(total[:], i, 0)
	}
	for _, s := range sum {
		total[0] = float32(total[0] + s)
	}
	return total[0]
}

// ceilLog2 returns the least n with 2^n >= x, and 0 for x below 2.
func ceilLog2(x int) int {
	n := 0
	for 1<<n < x {
		n++
	}
	return n
}
