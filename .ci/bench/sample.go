package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A sample is what one run took.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user's and system's, of all threads and children
	peak int64         // bytes in memory at most, 0 where that cannot be told
	kept int64         // bytes of products on disk, 0 where there are none
}

// A series is what several runs of the same took.
type series []sample

// median returns the middle of x, of an even number the mean of the two, and 0 of none.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// each returns a number of every sample.
func (s series) each(of func(sample) float64) []float64 {
	x := make([]float64, len(s))
	for i, one := range s {
		x[i] = of(one)
	}
	return x
}

func seconds(s sample) float64    { return s.wall.Seconds() }
func cpuSeconds(s sample) float64 { return s.cpu.Seconds() }
func peakBytes(s sample) float64  { return float64(s.peak) }
func keptBytes(s sample) float64  { return float64(s.kept) }

// String returns "8.9 s (8.5 to 9.4), CPU 17.2 s, 411 MB": medians, and the spread of the times.
func (s series) String() string {
	if len(s) == 0 {
		return "-"
	}
	wall := s.each(seconds)
	parts := []string{fmt.Sprintf("%s s", digits(median(wall)))}
	if len(s) > 1 {
		parts[0] += fmt.Sprintf(" (%s to %s)", digits(slices.Min(wall)), digits(slices.Max(wall)))
	} else {
		parts[0] += " (one run)"
	}
	if cpu := median(s.each(cpuSeconds)); cpu > 0 {
		parts = append(parts, fmt.Sprintf("CPU %s s", digits(cpu)))
	}
	if peak := median(s.each(peakBytes)); peak > 0 {
		parts = append(parts, megabytes(peak))
	}
	if kept := median(s.each(keptBytes)); kept > 0 {
		parts = append(parts, "products "+megabytes(kept))
	}
	return strings.Join(parts, ", ")
}

// ratio returns the median of ours to theirs, turn by turn: what disturbs the machine
// disturbs both.
func ratio(ours, theirs series) float64 {
	var x []float64
	for i := range min(len(ours), len(theirs)) {
		x = append(x, ours[i].wall.Seconds()/max(theirs[i].wall.Seconds(), 1e-9))
	}
	return median(x)
}

// fraction returns a ratio as "5.9", or as "1/4.6" below 1.
func fraction(r float64) string {
	switch {
	case r <= 0:
		return "-"
	case r < 0.995:
		return "1/" + digits(1/r)
	}
	return digits(r)
}

// digits returns x in so many digits as are worth printing.
func digits(x float64) string {
	switch {
	case x >= 99.5:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.95:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func megabytes(bytes float64) string {
	if bytes < 9.95e6 {
		return fmt.Sprintf("%.1f MB", bytes/1e6)
	}
	return fmt.Sprintf("%.0f MB", bytes/1e6)
}
