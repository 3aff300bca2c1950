package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdMany writes small models of random numbers into a folder, and beside it a recipe
// that merges one after the other.
func cmdMany(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	dir := args[1]
	ts.Check(os.MkdirAll(ts.MkAbs(dir), 0o777))
	var recipe strings.Builder
	last := "m000"
	for i := range n {
		name := fmt.Sprintf("m%03d", i)
		cmdModel(ts, false, []string{"-seed", strconv.Itoa(i + 1), "-div", "320", filepath.Join(dir, name+".safetensors")})
		if i > 0 {
			fmt.Fprintf(&recipe, "%s x 0.9 + %s x 0.1 = STEP%d\n", last, name, i)
			last = fmt.Sprintf("STEP%d", i)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(dir+".txt"), []byte(recipe.String()), 0o666))
}
