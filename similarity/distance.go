package similarity

// Distance returns |T-M|^2 in one tensor for the mix with weights w, one a name, those
// of models summing to 1: as [Blocks.Distance] does for a block.
func (p *Products) Distance(w []float64) float64 {
	n := len(w) // the target's row
	d := 0.0
	for i, row := range p.P.Rows() { // row's first number is that with itself
		switch {
		case i == n:
			d += row[0]
		case i == 0 || w[i] == 0:
		default:
			d += float64(w[i]*w[i]*row[0]) - float64(2*w[i]*row[n-i])
			for j := i + 1; j < n; j++ {
				d += float64(2 * w[i] * w[j] * row[j-i])
			}
		}
	}
	return max(0, d)
}
