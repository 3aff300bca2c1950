package optimize

import (
	"fmt"
	"testing"
)

// BenchmarkStudy runs whole CMA-ES studies of 8 dimensions with a function of a
// few nanoseconds, so it measures the study. The time of a trial should not
// grow with their number.
func BenchmarkStudy(b *testing.B) {
	for _, n := range []int{1000, 10000, 50000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			runs, noted := 0, 0
			for b.Loop() {
				s := Settings{
					Box: cube(8, -1, 2), Sampler: samplerCMAES, Trials: n,
					Note: func(Trial) error { noted++; return nil },
				}
				if _, err := Minimize(b.Context(), sphere(0.3), s); err != nil {
					b.Fatal(err)
				}
				runs++
			}
			if noted != runs*n {
				b.Fatalf("%d trials noted; want %d", noted, runs*n)
			}
			b.ReportMetric(float64(noted)/b.Elapsed().Seconds(), "trials/s")
		})
	}
}

// BenchmarkSamplers compares the samplers over 1000 trials of 8 dimensions.
func BenchmarkSamplers(b *testing.B) {
	for _, name := range Samplers() {
		b.Run(name, func(b *testing.B) {
			trials := 0
			for b.Loop() {
				s := Settings{Box: cube(8, -1, 2), Sampler: name, Trials: 1000}
				if _, err := Minimize(b.Context(), sphere(0.3), s); err != nil {
					b.Fatal(err)
				}
				trials += s.Trials
			}
			b.ReportMetric(float64(trials)/b.Elapsed().Seconds(), "trials/s")
		})
	}
}
