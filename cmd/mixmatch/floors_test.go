package main

import (
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// floors is the architecture: a package may import only packages of lower
// floors, never one of its own. docs/architecture.md shows the same table.
var floors = [][]string{
	{"merge/block", "merge/portable", "merge/vec", "merge/durable", "merge/cache", "merge/safetext", "merge/checkpoint/torch/pickle"},
	{"merge/checkpoint", "merge/checkpoint/torch/archive", "merge/recipe", "merge/calc", "similarity/lowrank", "similarity/torchrand", "optimize", "studies/report/picture"},
	{"merge/checkpoint/safetensors", "merge/checkpoint/torch", "merge/checkpoint/torch/torchtest", "merge/checkpoint/folder", "merge/dialect"},
	{"merge/open", "merge/shelf", "merge/difference"},
	{"merge", "merge/exchange", "studies/compose/chain"},
	{"similarity", "merge/stepwise", "merge/mergetest"},
	{"similarity/residual", "similarity/fingerprint"},
	{"similarity/library", "similarity/library/postgres/pgtest"},
	{"studies/compose", "similarity/identify", "similarity/library/postgres", "similarity/relatives"},
	{"studies", "similarity/relatives/heatmap"},
	{"studies/report", "studies/demo", "studies/recovery", "studies/missing", "studies/trials"},
	{"studies/live"},
	{"cmd/mixmatch"},
}

// outside says which packages may import what is not of the standard library
// and not ours. What is not here may not be imported at all, but by tests. So
// gonum, which go.mod requires, checks our numbers in tests and is in no program:
// its sums differ in last bits from one processor to another, which a search
// amplifies (see merge/portable).
var outside = map[string][]string{
	"github.com/c-bata/goptuna":           {"optimize"},
	"github.com/gofrs/flock":              {"similarity/library", "studies"},
	"github.com/jackc/pgx":                {"similarity/library/postgres"},
	"github.com/jackc/pgx/v5/pgconn":      {"similarity/library/postgres"},
	"github.com/jackc/pgx/v5/pgxpool":     {"similarity/library/postgres"},
	"github.com/urfave/cli":               {"cmd/mixmatch"},
	"github.com/x448/float16":             {"merge/vec"},
	"golang.org/x/image/font/inconsolata": {"similarity/relatives/heatmap"},
	"golang.org/x/image/math/fixed":       {"similarity/relatives/heatmap", "studies/report/picture"},
	"golang.org/x/sync/errgroup":          {"similarity", "similarity/fingerprint", "similarity/residual", "studies", "studies/live"},
	"golang.org/x/sys/cpu":                {"merge/vec", "similarity/torchrand"},
	"golang.org/x/sys/unix":               {"merge/durable"},
	"golang.org/x/term":                   {"cmd/mixmatch"},
	"go.yaml.in/yaml":                     {"merge/exchange"},
	"golang.org/x/text/encoding/japanese": {"merge/exchange"},
	"golang.org/x/text/width":             {"merge/safetext"},

	"golang.org/x/image/font":                  {"studies/report/picture"},
	"golang.org/x/image/font/gofont/gobold":    {"studies/report/picture"},
	"golang.org/x/image/font/gofont/goregular": {"studies/report/picture"},
	"golang.org/x/image/font/opentype":         {"studies/report/picture"},
	"golang.org/x/image/font/sfnt":             {"studies/report/picture"},
	"golang.org/x/image/vector":                {"studies/report/picture"},
}

// major is the end of a module path that tells its version.
var major = regexp.MustCompile(`/v[0-9]+$`)

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
	used := map[string]bool{}
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
			path := major.ReplaceAllString(imp, "")
			if first, _, _ := strings.Cut(path, "/"); ours || !strings.Contains(first, ".") {
				continue // the standard library's have no dot
			}
			used[path] = true
			if !slices.Contains(outside[path], from) {
				t.Errorf("%s imports %s, which only %q may", from, imp, outside[path])
			}
		}
	}
	for path := range outside {
		if !used[path] && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
			t.Errorf("nobody imports %s any more", path)
		}
	}
}
