// Release builds the archives that people download: for each system the program, its
// manual page, completions, licence and README, and the checksums of them all. The
// bytes depend on the commit, the version and Go's version alone, so that anybody can
// build them again and compare.
//
//	go run ./.ci/release VERSION FOLDER
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

var systems = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./.ci/release VERSION FOLDER")
		os.Exit(2)
	}
	if err := release(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// A file of an archive.
type file struct {
	name string
	mode int64
	data []byte
}

func release(version, folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	commit, err := output(nil, "git", "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	seconds, err := output(nil, "git", "show", "-s", "--format=%ct", "HEAD")
	if err != nil {
		return err
	}
	unix, err := strconv.ParseInt(string(seconds), 10, 64)
	if err != nil {
		return err
	}
	when := time.Unix(unix, 0).UTC()
	shared, err := sharedFiles(version, string(commit), folder)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, system := range systems {
		name, data, err := pack(system, version, string(commit), folder, when, shared)
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o666); err != nil {
			return err
		}
		line := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
		fmt.Print(line)
		sums.WriteString(line)
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), []byte(sums.String()), 0o666)
}

// build returns the program for a system.
func build(system, version, commit, folder string) ([]byte, error) {
	goos, goarch, _ := strings.Cut(system, "/")
	path := filepath.Join(folder, "program")
	defer os.Remove(path)
	flags := fmt.Sprintf("-s -w -X main.release=%s -X main.commit=%s", version, commit)
	env := []string{"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT="}
	if _, err := output(env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", path, "./cmd/mixmatch"); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// sharedFiles returns what is the same in all archives. The manual page and the
// completions are what the program prints.
func sharedFiles(version, commit, folder string) ([]file, error) {
	program, err := build(runtime.GOOS+"/"+runtime.GOARCH, version, commit, folder)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(folder, "mixmatch-here"+suffix(runtime.GOOS)))
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	if err := os.WriteFile(path, program, 0o777); err != nil {
		return nil, err
	}
	var files []file
	for _, f := range []struct {
		name string
		args []string
	}{
		{"mixmatch.1", []string{"man"}},
		{"completions/mixmatch.bash", []string{"completion", "bash"}},
		{"completions/_mixmatch", []string{"completion", "zsh"}},
		{"completions/mixmatch.fish", []string{"completion", "fish"}},
		{"completions/mixmatch.ps1", []string{"completion", "powershell"}},
	} {
		text, err := exec.Command(path, f.args...).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		files = append(files, file{f.name, 0o644, text})
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, 0o644, text})
	}
	return files, nil
}

func suffix(goos string) string {
	if goos == "windows" {
		return ".exe"
	}
	return ""
}

// pack returns the archive for a system, and its name.
func pack(system, version, commit, folder string, when time.Time, shared []file) (string, []byte, error) {
	program, err := build(system, version, commit, folder)
	if err != nil {
		return "", nil, err
	}
	goos, goarch, _ := strings.Cut(system, "/")
	top := strings.Join([]string{"mixmatch", version, goos, goarch}, "-")
	files := append([]file{{"mixmatch" + suffix(goos), 0o755, program}}, shared...)
	var b bytes.Buffer
	if goos == "windows" {
		err = writeZip(&b, top, files, when)
		return top + ".zip", b.Bytes(), err
	}
	err = writeTar(&b, top, files, when)
	return top + ".tar.gz", b.Bytes(), err
}

func writeZip(w io.Writer, top string, files []file, when time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: top + "/" + f.name, Method: zip.Deflate, Modified: when}
		h.SetMode(os.FileMode(f.mode))
		part, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeTar(w io.Writer, top string, files []file, when time.Time) error {
	g := gzip.NewWriter(w)
	t := tar.NewWriter(g)
	for _, f := range files {
		h := &tar.Header{Name: top + "/" + f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: when, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return g.Close()
}

// output returns what a command prints, without the end of the line.
func output(env []string, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bytes.TrimSuffix(out, []byte("\n")), nil
}
