package calc

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/vec"
)

// The key that the cases were recorded with.
const recordedKey = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"

// A recording is one case of testdata/cases.json.gz.
type recording struct {
	Era      string   `json:"era"`
	Mode     string   `json:"mode"`
	Calc     Calc     `json:"calc"`
	OldCalc  bool     `json:"old_calc"`
	Alpha    float64  `json:"alpha"`
	Beta     float64  `json:"beta"`
	Gamma    float64  `json:"gamma"`
	Shape    []int    `json:"shape"`
	DTypes   []string `json:"dtypes"`
	A        string   `json:"A"`
	B        string   `json:"B"`
	C        string   `json:"C"`
	OutDType string   `json:"out_dtype"`
	Out      string   `json:"out"`
}

func recordings(t testing.TB) []recording {
	f, err := os.Open("testdata/cases.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	if err := json.NewDecoder(z).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// tensors returns the recorded models' tensors.
func (r recording) tensors(t testing.TB) (a, b, c Tensor) {
	var out [3]Tensor
	for i, text := range []string{r.A, r.B, r.C} {
		out[i] = Tensor{r.DTypes[i], r.Shape, decode(t, r.DTypes[i], text)}
	}
	return out[0], out[1], out[2]
}

// step returns the step that was recorded.
func (r recording) step(t testing.TB) Step {
	s := Step{Calc: r.Calc, OldCalc: r.OldCalc, Alpha: r.Alpha, Beta: r.Beta, Gamma: r.Gamma}
	switch {
	case strings.HasPrefix(r.Era, "2023-06"):
		s.Era = block.SM2023
	case strings.HasPrefix(r.Era, "2025-10"):
		s.Era = block.SM2025
	default:
		t.Fatalf("era %q", r.Era)
	}
	i := slices.Index(modeNames[:], r.Mode)
	if i < 0 {
		t.Fatalf("mode %q", r.Mode)
	}
	s.Mode = Mode(i)
	if r.Calc == CosineA || r.Calc == CosineB {
		all, err := NewSimilarities(r.Calc)
		if err != nil {
			t.Fatal(err)
		}
		a, b, _ := r.tensors(t)
		if err := all.Add(recordedKey, a, b); err != nil {
			t.Fatal(err)
		}
		if s.Range, err = all.Range(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func decode(t testing.TB, dtype, text string) []float32 {
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	size, widen := 2, vec.WidenF16
	switch dtype {
	case BF16:
		widen = vec.WidenBF16
	case F32:
		size, widen = 4, vec.WidenF32
	}
	x := make([]float32, len(raw)/size)
	widen(x, raw)
	return x
}

// different returns how many elements differ in their bits.
func different(x, y []float32) int {
	if len(x) != len(y) {
		return max(len(x), len(y))
	}
	n := 0
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			n++
		}
	}
	return n
}

// TestRecorded merges as SuperMerger did in 278 recorded cases, and compares
// all bits.
func TestRecorded(t *testing.T) {
	const wantCases = 278
	ran, equal := map[string]int{}, map[string]int{}
	total := 0
	for i, r := range recordings(t) {
		s := r.step(t)
		kind := fmt.Sprintf("%s, %s, %s", s.Era, s.Mode, s.Calc)
		if s.OldCalc {
			kind += ", old"
		}
		ran[kind]++
		total++
		a, b, c := r.tensors(t)
		got, err := s.Merge(nil, recordedKey, a, b, c)
		if err != nil {
			t.Errorf("case %d, %s: %v", i, kind, err)
			continue
		}
		where := fmt.Sprintf("case %d, %s, alpha %v, beta %v, %v %v", i, kind, r.Alpha, r.Beta, r.DTypes, r.Shape)
		if got.DType != r.OutDType {
			t.Errorf("%s: format %s; want %s", where, got.DType, r.OutDType)
			continue
		}
		if d := s.DType(recordedKey, a.DType, b.DType, c.DType); d != r.OutDType {
			t.Errorf("%s: DType says %s; want %s", where, d, r.OutDType)
		}
		want := decode(t, r.OutDType, r.Out)
		if n := different(got.Data, want); n > 0 {
			t.Errorf("%s: %d of %d elements differ", where, n, len(want))
			continue
		}
		equal[kind]++
	}
	if total != wantCases {
		t.Errorf("%d cases; want %d", total, wantCases)
	}
	for _, kind := range slices.Sorted(maps.Keys(ran)) {
		t.Logf("%-45s %3d of %3d equal in all bits", kind, equal[kind], ran[kind])
	}
}
