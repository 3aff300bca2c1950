package safetext_test

import (
	"testing"

	"mixmatch/merge/safetext"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 5, ""},
		{"short", 5, "short"},
		{"model-v1.5", 9, "model…1.5"},
		{"model-v1.5", 1, "…"},
		{"model-v1.5", 2, "…5"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日…語"},
		{"日本語モデル", 8, "日本…ル"},
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
		{"abce\u0301", 3, "a…e\u0301"},
	} {
		got := safetext.Fit(c.in, c.most)
		if got != c.want || safetext.Columns(got) > c.most {
			t.Errorf("%q in %d: %q, %d columns, not %q", c.in, c.most, got, safetext.Columns(got), c.want)
		}
	}
}
