package checkpoint

import "testing"

func TestDTypes(t *testing.T) {
	if len(formats) != 22 {
		t.Errorf("%d formats", len(formats))
	}
	for i, d := range formats {
		if d.name.Rank() != i || d.name.Bits() != d.bits || d.bits == 0 {
			t.Errorf("%s: rank %d, %d bits", d.name, d.name.Rank(), d.name.Bits())
		}
		if i > 5 && d.bits < formats[i-1].bits {
			t.Errorf("%s is out of order", d.name)
		}
		if d.name.Float() != (d.narrow != nil) || d.name.Float() != (d.sumUlp2 != nil) {
			t.Errorf("%s: half a number format", d.name)
		}
	}
	if DType("F12").Bits() != 0 || DType("").Float() || DType("I32").Float() || !BF16.Float() {
		t.Error("knows formats that there are not")
	}
}
