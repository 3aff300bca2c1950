package torch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/torchtest"
)

type (
	dict  = torchtest.Dict
	tuple = torchtest.Tuple
)

// vector is a tensor of n numbers.
func vector(n int) *torchtest.Tensor {
	s := &torchtest.Storage{Class: torchtest.Global{Module: "torch", Name: "FloatStorage"}, Data: make([]byte, 4*n)}
	return &torchtest.Tensor{Storage: s, Shape: []int{n}}
}

// openBytes opens what is in b.
func openBytes(b []byte) (*checkpoint.File, error) { return New(bytes.NewReader(b), int64(len(b))) }

func TestStateDict(t *testing.T) {
	sd := func(n int) dict { return dict{{"w", vector(n)}} }
	twice := sd(2)
	for _, tt := range []struct {
		name    string
		holds   any
		tensors string // names and lengths
		notes   string
		say     string // of an error
	}{
		{"bare", sd(2), "w:2", "", ""},
		{"ordered", torchtest.OrderedDict(sd(2)), "w:2", "", ""},
		{"empty", dict{}, "", "", ""},
		{"of Python 2", torchtest.Call{Func: torchtest.Global{Module: "collections", Name: "OrderedDict"}, Args: tuple{torchtest.List{torchtest.List{"w", vector(2)}, tuple{"v", vector(1)}}}}, "v:1 w:2", "", ""},
		{"of Python 2, malformed", torchtest.Call{Func: torchtest.Global{Module: "collections", Name: "OrderedDict"}, Args: tuple{torchtest.List{torchtest.List{"w"}}}}, "", "", "a dictionary of what are no pairs"},
		{"state_dict", dict{{"epoch", 3}, {"state_dict", sd(2)}, {"sizes", torchtest.List{1, 2.5, nil, true}}}, "w:2", "", ""},
		{
			"and what a training has",
			dict{{"state_dict", sd(2)}, {"optimizer_states", torchtest.List{dict{{"state", dict{{0, dict{{"a", vector(1)}, {"b", vector(1)}}}}}}}}, {"model", sd(3)}},
			"w:2",
			`the model is "state_dict" of what the file holds; passed over: "optimizer_states" (2 tensors), "model" (1 tensor)`, "",
		},
		{"model", dict{{"model", sd(2)}, {"step", 1}}, "w:2", `the model is "model" of what the file holds`, ""},
		{"module", dict{{"module", torchtest.OrderedDict(sd(2))}, {7, sd(1)}}, "w:2", `the model is "module" of what the file holds; passed over: 7 (1 tensor)`, ""},
		{"model without tensors", dict{{"model", dict{{"name", "x"}}}, {"params_ema", sd(2)}}, "w:2", `the model is "params_ema" of what the file holds`, ""},
		{"two models", dict{{"params", sd(2)}, {"params_ema", sd(2)}}, "", "", `holds several models, as ["params_ema" "params"]: load it and save the one you want alone`},
		{"tensors beside a model", dict{{"model", sd(2)}, {"sigma", vector(1)}}, "model.w:2 sigma:1", `dictionaries within each other: names are joined by dots, such as "model.w"`, ""},
		{"nested", dict{{"unet", dict{{"a", sd(2)}}}, {"vae", sd(3)}}, "unet.a.w:2 vae.w:3", `dictionaries within each other: names are joined by dots, such as "vae.w"`, ""},
		{"nested to the same name", dict{{"a.b", vector(1)}, {"a", dict{{"b", vector(1)}}}}, "", "", `tensor "a.b" occurs twice`},
		{"name twice", dict{{"w", vector(1)}, {"w", vector(1)}}, "", "", `tensor "w" occurs twice`},
		{"state_dict twice", dict{{"state_dict", sd(1)}, {"state_dict", sd(1)}}, "", "", `"state_dict" occurs twice`},
		{"in a list", dict{{"w", vector(2)}, {"betas", torchtest.List{vector(1), tuple{vector(1)}}}}, "w:2", "passed over: 2 tensors in lists, without a name", ""},
		{"same storage", dict{{"v", twice[0][1]}, {"w", twice[0][1]}}, "v:2 w:2", "", ""},
		{"parameter", dict{{"w", &torchtest.Tensor{Storage: vector(2).Storage, Shape: []int{2}, Parameter: true}}}, "w:2", "", ""},
		{"number for a name", dict{{1, vector(2)}}, "", "", "a tensor without a name: its key, or one above it, is 1 and no text"},
		{"number on the way", dict{{"a", dict{{2, sd(1)}}}}, "", "", "a tensor without a name"},
		{"number on the way to nothing", dict{{"w", vector(1)}, {2, dict{{"lr", 0.5}}}}, "w:1", "", ""},
		{"name without UTF-8", dict{{"\xff", vector(1)}}, "", "", "not valid UTF-8"},
		{"name of control signs", dict{{"\x1b[31m\n\u202e", vector(1)}}, "\x1b[31m\n\u202e:1", "", ""},
		{"name like a path", dict{{"../../etc/passwd", vector(1)}}, "../../etc/passwd:1", "", ""},
		{"list", torchtest.List{vector(1)}, "", "", "not a state dict, but a list"},
		{"number", 5, "", "", "not a state dict, but 5"},
		{"nothing", nil, "", "", "not a state dict, but None"},
		{"tensor", vector(1), "", "", "not a state dict, but a tensor"},
		{"array", torchtest.Call{Func: torchtest.Global{Module: "numpy.core.multiarray", Name: "_reconstruct"}}, "", "", `not a state dict, but an object of "numpy.core.multiarray._reconstruct"`},
		{"what lists ten names", func() any {
			var l torchtest.List
			for i := range 12 {
				l = append(l, torchtest.Global{Module: "m", Name: fmt.Sprint("f", i)})
			}
			return l
		}(), "", "", `"m.f9" and 2 more`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for kind, b := range map[string][]byte{"zip": torchtest.Zip("m", tt.holds), "old": torchtest.Legacy(tt.holds, 2), "old, protocol 4": torchtest.Legacy(tt.holds, 4)} {
				f, err := openBytes(b)
				if tt.say != "" {
					if err == nil || !strings.Contains(err.Error(), tt.say) || strings.ContainsAny(err.Error(), "\n\x1b") {
						t.Errorf("%s: got %v; want %s", kind, err, tt.say)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				var got []string
				for _, x := range f.Tensors() {
					got = append(got, fmt.Sprintf("%s:%d", x.Name, x.Len()))
				}
				if text := strings.Join(got, " "); text != tt.tensors || !slices.IsSorted(got) {
					t.Errorf("%s: got %s; want %s", kind, text, tt.tensors)
				}
				if notes := strings.Join(f.Notes(), "|"); notes != tt.notes {
					t.Errorf("%s: notes %s; want %s", kind, notes, tt.notes)
				}
			}
		})
	}
}

// TestSharedParts checks that what a file holds once, and names often, takes no
// time for each name.
func TestSharedParts(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 3_000
	}
	key := func(i int) string { return fmt.Sprintf("X\x06\x00\x00\x00%06d", i) }
	var long, text strings.Builder
	long.WriteString("](")
	for range n {
		long.WriteString("]")
	}
	long.WriteString("eq\x00")
	text.WriteString("}(")
	for i := range n {
		text.WriteString(key(i) + "h\x00")
	}
	text.WriteString("u.")
	for name, holds := range map[string]string{
		"list":       long.String() + "0" + text.String(),
		"dictionary": "ccollections\nOrderedDict\n" + strings.Replace(long.String(), "eq\x00", "e\x85Rq\x00", 1) + "0" + text.String(),
	} {
		f, err := openBytes(torchtest.Archive(torchtest.Member{Name: "m/data.pkl", Data: []byte("\x80\x02" + holds)}))
		if name == "list" && err != nil || name == "dictionary" && (err == nil || !strings.Contains(err.Error(), "no pairs")) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && len(f.Tensors()) > 0 {
			t.Errorf("%s: %d tensors", name, len(f.Tensors()))
		}
	}
}
