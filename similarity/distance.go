package similarity

// Distance returns |T-M|^2 in one tensor for the mix with weights w, one a name, those
// of models summing to 1: as [Blocks.Distance] does for a block.
func (p *Products) Distance(w []float64) float64 {
	n := len(w)
	at := func(i, j int) float64 { // of rows i <= j
		return p.P[i*(n+1)-i*(i-1)/2+j-i]
	}
	d := at(n, n)
	for i := 1; i < n; i++ {
		if w[i] == 0 {
			continue
		}
		d += float64(w[i]*w[i]*at(i, i)) - float64(2*w[i]*at(i, n))
		for j := i + 1; j < n; j++ {
			d += float64(2 * w[i] * w[j] * at(i, j))
		}
	}
	return max(0, d)
}
