package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestStopped interrupts commands that say nothing of it themselves: all say the same.
func TestStopped(t *testing.T) {
	models := os.Getenv(familyVariable)
	model := filepath.Join(models, "OpenBra.safetensors")
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"compare", "--matrix", filepath.Join(models, "*.safetensors"), "--plain"},
		{"compare", "--metric", "weight", model, filepath.Join(models, "OpenBra1.1.safetensors")},
		{"inspect", "--hash", model},
	} {
		out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		os.Stderr = out
		code := run(ctx, append([]string{"mixmatch"}, args...))
		os.Stderr = stderr
		out.Close()
		if said, err := os.ReadFile(out.Name()); err != nil || code != 130 || string(said) != "stopped\n" {
			t.Errorf("%q: exit code %d, %q, %v; want 130 and stopped", args, code, said, err)
		}
	}
}
