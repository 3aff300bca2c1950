package chain

// Numbers returns a row of ratios as a person would have typed it, one number a
// block, from what each is and its standard error; that is infinite where any number
// will do.
func Numbers(values, errs []float64) []float64 {
	estimates := make([]estimate, len(values))
	for i, v := range values {
		estimates[i] = estimate{v, errs[i]}
	}
	return typeRow(estimates, make([]uint8, len(values))).numbers
}
