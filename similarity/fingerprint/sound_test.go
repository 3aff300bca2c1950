package fingerprint

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"mixmatch/merge/mergetest"
)

// TestUnsound refuses what no model's fingerprint has, with a checksum that is right.
func TestUnsound(t *testing.T) {
	whole := of(t, mergetest.Sketch{}.Open(t, "a"), Options{})
	for name, spoil := range map[string]func(f *Fingerprint){
		"huge number":  func(f *Fingerprint) { f.Sections[0].Sums[5] = 3e38 },
		"NaN":          func(f *Fingerprint) { f.Sections[3].Sums[0] = float32(math.NaN()) },
		"NaN size":     func(f *Fingerprint) { f.Sections[1].Tensors[0].Norm = float32(math.NaN()) },
		"minus size":   func(f *Fingerprint) { f.Sections[1].Tensors[0].Norm = -1 },
		"no hash":      func(f *Fingerprint) { f.SHA256 = "x |\n\n# Owned" },
		"short hash":   func(f *Fingerprint) { f.SHA256 = strings.Repeat("ab", 31) },
		"zero byte":    func(f *Fingerprint) { f.Licence = "a\x00b" },
		"architecture": func(f *Fingerprint) { f.Arch = "nonsense" },
	} {
		f := *whole
		f.Sections = nil
		for _, s := range whole.Sections {
			s.Tensors, s.Sums = append([]Tensor(nil), s.Tensors...), append([]float32(nil), s.Sums...)
			f.Sections = append(f.Sections, s)
		}
		spoil(&f)
		b, err := f.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(bytes.NewReader(b)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribeControl(t *testing.T) {
	var c Card
	c.Describe(map[string]string{"modelspec.license": "CC0\x00 and more", "modelspec.source": "https://a.example/\x1b[2J"})
	if c.Licence != "CC0" || c.Page != "" {
		t.Errorf("%q, %q", c.Licence, c.Page)
	}
}
