package checkpoint

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, d := range DTypes() {
		x := make([]float32, 5000) // more than one part
		x[0], x[17], x[4100] = nan, inf, nan
		b := make([]byte, len(x)*d.Bits()/8)
		want := 0
		if d.Float() {
			d.Narrow(b, x)
			want = 3 // an infinity is NaN in E4M3
		}
		if got := d.NonFinite(b); got != want {
			t.Errorf("%s: %d, want %d", d, got, want)
		}
	}
	// Numbers that only a float64 holds are numbers.
	b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(math.Inf(1)))
	if got := F64.NonFinite(b); got != 1 {
		t.Errorf("float64: %d, want 1", got)
	}
}
