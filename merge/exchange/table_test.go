package exchange

import (
	"strings"
	"testing"
)

// TestTables reads tables of merges as people publish them.
func TestTables(t *testing.T) {
	v25 := strings.TrimPrefix(vec("", "0.85"), ",")
	for _, c := range []struct{ name, text, want, note, err string }{
		{
			"markdown", "## Recipe\n\n| Step | Model: A | Model: B | Model: C | Interpolation Method | Weight | Merge Name |\n| :--- | --- | --- | --- | :---: | ---: | --- |\n" +
				"| 1 | **animefull** | `gape60.ckpt` | NAI sfw | Add Difference @ 1.0 | | gape |\n| 2 | gape | basil mix.safetensors [0123456789] | - | Weighted sum @0.3 | - | **Mix 1** |\n\nHave fun, all of you!\n",
			"animefull + (gape60 - \"NAI sfw\") x 1 = gape; gape x 0.7 + \"basil mix\" x 0.3 = \"Mix 1\"", "outside of the table is what was not read: line 1, 8", "",
		},
		{
			"two tables", "| Primary Model (A) | Secondary Model (B) | Tertiary Model (C) | Method | M (Multiplier) | Name |\n|-|-|-|-|-|-|\n| A | B | V | Add difference | 50% | R |\n\nSTEP 2\n\n" +
				"| Model A | Model B | Weight | Base alpha | Merge Name |\n|-|-|-|-|-|\n| R | C | " + v25 + " | 0.25 | F |\n",
			"A + (B - V) x 0.5 = R; R x (1-alpha) + C x alpha = F; alpha = (0.25..0.85)", "taken as a Weight sum", "",
		},
		{"tabs", "Model A\tModel B\tModel C\tMethod\talpha\tbeta\tResult\nA\tB\tC\tsum Twice\t0.5\t0.25\tR\n", "(A x 0.5 + B x 0.5) x 0.75 + C x 0.25 = R", "", ""},
		{"commas", "model a,model b,method,weight,name\nA,B,Weighted Sum,\"(" + vec("0", "1") + ")\",R\nR,C,sum,0.5,\n", "A x (1-alpha) + B x alpha = R; alpha = (0..1); R x 0.5 + C x 0.5 = MERGE2", "", ""},
		{"semicolons", "A;B;Mode;Weight;Output\na/b;c;WS;0.3;R\n", "\"a/b\" x 0.7 + c x 0.3 = R", "", ""},
		{"calculation", "| A | B | Weight | Calculation Mode | Name |\n| a | b | 0.3 | cosineA | R |", "a x 0.7 + b x 0.3 _cosineA = R", "", ""},
		{"another column", "| A | B | Weight | VAE | Name |\n| a | b | 0.3 | x.vae | R |", "a x 0.7 + b x 0.3 = R", `the column "VAE" is not known`, ""},
		{"C of a sum", "| A | B | C | Method | Weight | Name |\n| a | b | c | Weight sum | 0.3 | R |", "a x 0.7 + b x 0.3 = R", `model C of a Weight sum, "c", takes no part`, ""},
		{"percent with a blank", "| A | B | C | Method | Weight | Name |\n| a | b | c | Add difference | 250 % | R |\n| R | b | | Weight sum @ 30 % | | F |", "a + (b - c) x 2.5 = R; R x 0.7 + b x 0.3 = F", "", ""},

		{"percent without its sign", "| A | B | Weight | Name |\n| a | b | 30 | R |", "", "", "line 2: weight: 30 could be 30 % or 30 times: write 30 % or 0.3, and 3000 % for 30 times"},
		{"likewise, in a method", "| A | B | C | Method | Name |\n| a | b | c | Add difference @ -15 | R |", "", "", "line 2: weight: -15 could be -15 % or -15 times: write -15 % or -0.15"},
		{"likewise, in a vector", "| A | B | Weight | Name |\n| a | b | " + vec("0", "33.3") + " | R |", "", "", "line 2: weight: 33.3 could be 33.3 % or 33.3 times: write 33.3 % or 0.333, and 3330 % for"},
		{"likewise, beta", "A\tB\tC\tMethod\talpha\tbeta\tResult\nA\tB\tC\tsum Twice\t50%\t25\tR\n", "", "", "line 2: beta: 25 could be 25 % or 25 times"},
		{"no method, three models", "| A | B | C | Weight | Name |\n| a | b | c | 0.3 | R |", "", "", "line 2: the row has no method, and more than two models"},
		{"another method", "| A | B | Method | Weight | Name |\n| a | b | SLERP | 0.3 | R |", "", "", `line 2: the method "SLERP"`},
		{"no weight", "| A | B | Method | Weight | Name |\n| a | b | sum |  | R |", "", "", "line 2: the row has no weight"},
		{"weight twice", "| A | B | Method | Weight | Name |\n| a | b | sum @0.3 | 0.4 | R |", "", "", "line 2: the ratio is given twice"},
		{"no model", "| A | B | Method | Weight | Name |\n| a | | sum | 0.4 | R |", "", "", "line 2: model B is missing"},
		{"25 numbers", "| A | B | Method | Weight | Name |\n| a | b | MBW | " + v25 + " | R |", "", "", "line 2: weight: alpha has 25 numbers"},
		{"base, and no vector", "| A | B | Base alpha | Weight | Name |\n| a | b | 0 | 0.3 | R |", "", "", "line 2: base alpha is given, and the weights are not the 25 others"},
		{"vector without quotes", "A,B,method,weight,name\na,b,MBW,0.1,0.2,0.3,R\n", "", "", "line 2: the row has 7 cells, and the headings are 5"},
		{"no beta", "| A | B | C | Method | Weight | Name |\n| a | b | c | Triple sum | 0.3 | R |", "", "", "line 2: Triple sum without beta"},
		{"two columns", "| A | Model A | B | Weight | Name |\n| a | x | b | 0.3 | R |", "", "", "two columns, \"A\" and \"Model A\", could be the same"},
		{"two files", "| A | B | Weight | Name |\n| a.ckpt | a.safetensors | 0.3 | R |", "", "", `line 2: "a.ckpt" and "a.safetensors" could be two models or one`},
		{"no rows", "| A | B | Weight | Name |\n|---|---|---|---|\n", "", "", "no row of it is a merge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Recognize([]byte(c.text)); got != "table" {
				t.Fatalf("it is taken for %s", got)
			}
			r, notes, err := Import([]byte(c.text), "", nil, Options{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, %v; want %s", r, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := in(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.Contains(strings.Join(notes, "\n"), c.note) {
				t.Errorf("notes %q; want %s", notes, c.note)
			}
		})
	}
	for _, text := range []string{"A x 0.5 + B x 0.5 = C", "| A | B |\n| c | d |", "a b c"} {
		if got := Recognize([]byte(text)); got != "text" {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}

func FuzzTable(f *testing.F) {
	fuzz(f, "table", "| Model A | Model B | Model C | Method | Weight | Name |\n|-|-|-|-|-|-|\n| a | b.ckpt | c | Add Difference @ 1.0 | | R |\n| R | d | - | Weighted sum | 30% | |", "A,B,Weight\na,b,\"0.5\"\n", "a;b;beta;c;mode;m\nx;y;1;z;sum twice;0.5\n", "A\tB\tcalc\tratio\n1\t2\tself\t1")
}
