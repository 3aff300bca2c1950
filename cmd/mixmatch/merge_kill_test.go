package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillMerge kills a merge while it writes. Nothing is under the name then,
// and the next merge of that name removes what was left behind.
func TestKillMerge(t *testing.T) {
	models, dir := os.Getenv(familyVariable), t.TempDir()
	recipe, out := filepath.Join(dir, "recipe.txt"), filepath.Join(dir, "out.safetensors")
	if err := os.WriteFile(recipe, []byte("A x 0.5 + B x 0.5 = M\nM x 0.5 + A x 0.5_smoothAdd = N\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"merge", recipe, "-o", out, "--quiet", "--no-hash",
		"--source", "A=" + filepath.Join(models, "OpenBra.safetensors"), "--source", "B=" + filepath.Join(models, "sxd_10Pruned.safetensors"),
	}
	names := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "recipe.txt" {
				names = append(names, e.Name())
			}
		}
		return names
	}
	for try := 0; len(names()) == 0; try++ {
		if try == 50 {
			t.Fatal("no kill came in time")
		}
		cmd, _ := mixmatch(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// A little after it began to write, which it tries before it reads.
		for range 2000 {
			if n := names(); len(n) > 0 {
				break
			}
			time.Sleep(time.Millisecond / 4)
		}
		time.Sleep(time.Duration(try%10) * 3 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(out); err == nil { // it was done
			if err := os.Remove(out); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := names()
	if len(left) != 1 || !strings.HasPrefix(left[0], ".out.safetensors.tmp-") {
		t.Fatalf("left behind: %q", left)
	}
	cmd, stderr := mixmatch(args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if got := names(); len(got) != 1 || got[0] != "out.safetensors" {
		t.Errorf("in the folder: %q", got)
	}
}
