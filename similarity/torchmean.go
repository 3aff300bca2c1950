package similarity

// Mean returns torch.mean(x) of float32 numbers, to the bit: the calculators'
// totals are such means, and their last printed digit depends on the order of
// the sum (ATen/native/cpu/SumKernel.cpp, for processors with AVX2).
func Mean(x []float32) float32 {
	return sumf(x) / float32(len(x))
}

const (
	sumLanes = 8 // numbers of a register
	sumRows  = 4 // registers summed side by side
	sumRun   = 16
)

type register [sumLanes]float32

func (r *register) add(x []float32) {
	for i := range r {
		r[i] += x[i]
	}
}

// sumf returns the sum. From eight numbers on they are summed in four registers
// of eight; these are set aside after every 16 numbers, and those sums after
// every 16 of them, and so on, so that small numbers meet small ones.
func sumf(x []float32) float32 {
	if len(x) < sumLanes {
		var p [sumRows]float32
		whole := len(x) / sumRows * sumRows
		for i, v := range x[:whole] {
			p[i%sumRows] += v
		}
		for _, v := range x[whole:] {
			p[0] += v
		}
		return p[0] + p[1] + p[2] + p[3]
	}
	const chunk = sumLanes * sumRows
	var level [4][sumRows]register
	rows := len(x) / chunk
	for i := 1; i <= rows; i++ {
		for k := range sumRows {
			level[0][k].add(x[(i-1)*chunk+k*sumLanes:])
		}
		for j, run := 1, sumRun; j < len(level) && i%run == 0; j, run = j+1, run*sumRun {
			for k := range sumRows {
				level[j][k].add(level[j-1][k][:])
				level[j-1][k] = register{}
			}
		}
	}
	for j := 1; j < len(level); j++ {
		for k := range sumRows {
			level[0][k].add(level[j][k][:])
		}
	}
	total := &level[0][0]
	rest := rows * chunk
	for ; rest+sumLanes <= len(x); rest += sumLanes {
		total.add(x[rest:])
	}
	for k := 1; k < sumRows; k++ {
		total.add(level[0][k][:])
	}
	s := float32(0)
	for _, v := range x[rest:] {
		s += v
	}
	for _, v := range total {
		s += v
	}
	return s
}
