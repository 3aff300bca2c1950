package block

import (
	"slices"
	"testing"
)

func TestFor(t *testing.T) {
	for _, arch := range everyArch() {
		known := ErasOf(arch)
		for _, era := range Eras() {
			l, err := For(arch, era)
			if !slices.Contains(known, era) {
				if err == nil {
					t.Errorf("%s knows %s", era, arch)
				}
				continue
			}
			if err != nil {
				t.Error(err)
				continue
			}
			if l.Arch() != arch || l.Era() != era {
				t.Errorf("For(%s, %s) = %s", arch, era, l)
			}
			if l2, _ := For(arch, era); l2 != l {
				t.Errorf("For(%s, %s) gave two layouts", arch, era)
			}
		}
		if l, err := Default(arch); err != nil || l.Era() != known[0] {
			t.Errorf("the default of %s: %v, %v", arch, l, err)
		}
	}
	for _, tt := range []struct {
		arch Arch
		era  Era
		want string
	}{
		{"sd9", SM2025, `unknown architecture "sd9" (known: sd1, sd2, sdxl, sdxl-refiner, flux, sd3, auto)`},
		{"sd3", Whole, `unknown architecture "sd3" (known: sd1, sd2, sdxl, sdxl-refiner, flux, sd3, auto)`},
		{SD1, "", `unknown era "" (known: sm2025-10, sm2023-06, sd-mecha, whole)`},
		{SDXL, SM2023, "era sm2023-06 does not know sdxl; use sm2025-10, sd-mecha"},
	} {
		if _, err := For(tt.arch, tt.era); err == nil || err.Error() != tt.want {
			t.Errorf("For(%q, %q): %v; want %s", tt.arch, tt.era, err, tt.want)
		}
	}
	if l, err := Default("sd9"); err == nil {
		t.Errorf("the default of sd9: %v", l)
	}
}
