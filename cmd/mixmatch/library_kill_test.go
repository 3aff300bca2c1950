package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmatch/similarity/library"
)

var libraryKills = flag.Int("library-kills", 50, "how often TestKillLibrary kills the program")

// inLibrary returns the contents in the library in dir, all of which must be sound and
// there once, none if there is no library.
func inLibrary(t *testing.T, dir string) (contents []string) {
	t.Helper()
	if !library.IsFolder(dir) {
		return nil
	}
	l, err := library.OpenFolder(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = l.Entries(context.Background(), func(e *library.Entry) error {
		contents = append(contents, e.Content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.Check(context.Background(), func(text string) { t.Error(text) }); err != nil || n != len(contents) {
		t.Fatalf("%d records, %d entries: %v", n, len(contents), err)
	}
	return contents
}

// prints writes a fingerprint of each model of the family into a folder, so that adding
// them is quick.
func prints(t *testing.T) (dir string, n int) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "prints")
	cmd, stderr := mixmatch("fingerprint", os.Getenv(familyVariable), "-o", dir)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, len(files)
}

// TestKillLibrary kills "library add" at random moments and has it go on until all is
// added. What was there stays, as it was and in its order; nothing is there twice.
func TestKillLibrary(t *testing.T) {
	dir, n := prints(t)
	models := []string{dir, os.Getenv(familyVariable)} // the second takes longer, and adds nothing
	calm := filepath.Join(t.TempDir(), "calm")
	begun := time.Now()
	cmd, stderr := mixmatch("library", "add", calm, models[0])
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	took := time.Since(begun)
	if got := inLibrary(t, calm); len(got) != n {
		t.Fatalf("%d records of %d models", len(got), n)
	}
	r := rand.New(rand.NewPCG(1, uint64(*libraryKills)))
	hunted, held := "", []string(nil)
	landed, partly, whole := 0, 0, 0
	kills := *libraryKills
	if testing.Short() {
		kills /= 5
	}
	for k := range kills {
		if hunted == "" || len(held) == n {
			hunted, held = filepath.Join(t.TempDir(), "lib"), nil
		}
		cmd, stderr := mixmatch("library", "add", hunted, models[k%4/3], "--quiet")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Float64() * float64(took)))
		_ = cmd.Process.Kill() // it may be done
		err := cmd.Wait()
		switch {
		case err == nil: // too late
		case stderr.Len() > 0:
			t.Fatalf("kill %d: %v\n%s", k, err, stderr)
		default:
			landed++
		}
		now := inLibrary(t, hunted)
		if len(now) < len(held) || !slices.Equal(now[:len(held)], held) {
			t.Fatalf("kill %d: there were %d records, and now others", k, len(held))
		}
		switch held = now; len(held) {
		case 0:
		case n:
			whole++
		default:
			partly++
		}
	}
	t.Logf("%d of %d kills in time; after %d some records were there, after %d all", landed, kills, partly, whole)
	if landed == 0 {
		t.Error("no kill came in time")
	}
	cmd, stderr = mixmatch("library", "add", hunted, models[0])
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	got, want := inLibrary(t, hunted), inLibrary(t, calm)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d records after all, not %d", len(got), len(want))
	}
}

// TestLibraryTogether has several processes add to one library at once: the same models,
// parts of them, and some that another process adds, too.
func TestLibraryTogether(t *testing.T) {
	family := os.Getenv(familyVariable)
	_, n := prints(t)
	for _, args := range [][][]string{
		{{family}, {family}},
		{{family, "--shard", "0/3"}, {family, "--shard", "1/3"}, {family, "--shard", "2/3"}},
	} {
		lib := filepath.Join(t.TempDir(), "lib")
		wait := []func(){}
		for _, a := range args {
			cmd, stderr := mixmatch(append([]string{"library", "add", lib, "--no-cache", "--threads", "1"}, a...)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wait = append(wait, func() {
				if err := cmd.Wait(); err != nil {
					t.Errorf("%s: %v\n%s", strings.Join(a, " "), err, stderr)
				}
			})
		}
		for _, w := range wait {
			w()
		}
		got := inLibrary(t, lib)
		slices.Sort(got)
		if len(slices.Compact(got)) != n {
			t.Errorf("%q: %d records of %d models", args, len(got), n)
		}
	}
}
