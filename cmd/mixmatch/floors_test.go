package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors is the architecture: a package may import only packages of lower
// floors, never one of its own. docs/architecture.md shows the same table.
var floors = [][]string{
	{"merge/block", "merge/vec", "merge/durable", "similarity/torchrand", "optimize"},
	{"merge/checkpoint", "merge/recipe", "merge/calc", "similarity/lowrank"},
	{"merge/checkpoint/safetensors"},
	{"merge/open"},
	{"merge", "merge/exchange", "merge/difference", "studies/compose/chain"},
	{"similarity", "merge/stepwise", "merge/mergetest"},
	{"similarity/residual"},
	{"studies/compose"},
	{"studies"},
	{"studies/report", "studies/demo", "studies/recovery", "studies/missing"},
	{"cmd/mixmatch"},
}

// owners are the outside packages that one of ours alone may import.
var owners = map[string]string{
	"github.com/c-bata/goptuna":      "optimize",
	"github.com/urfave/cli":          "cmd/mixmatch",
	"github.com/schollz/progressbar": "cmd/mixmatch",
	"github.com/x448/float16":        "merge/vec",
	"github.com/gofrs/flock":         "studies",
}

func TestFloors(t *testing.T) {
	const module = "mixmatch/"
	floor := map[string]int{}
	for i, packages := range floors {
		for _, p := range packages {
			floor[p] = i
		}
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(floor) {
		t.Errorf("%d packages on the floors, %d in the module", len(floor), len(lines))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		from := strings.TrimPrefix(f[0], module)
		if _, ok := floor[from]; !ok {
			t.Errorf("package %s stands on no floor", from)
			continue
		}
		slices.Sort(f[1:])
		for _, imp := range f[1:] {
			to, ours := strings.CutPrefix(imp, module)
			if ours && floor[to] >= floor[from] {
				t.Errorf("%s (floor %d) imports %s (floor %d)", from, floor[from], to, floor[to])
			}
			for outside, owner := range owners {
				if strings.HasPrefix(imp, outside) && from != owner {
					t.Errorf("%s imports %s, which only %s may", from, imp, owner)
				}
			}
		}
	}
}
