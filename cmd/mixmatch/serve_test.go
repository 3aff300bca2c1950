//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixmatch/studies/report"
)

// TestServe starts a study in the browser's way and ends the program by Ctrl-C: it says
// how to go on, which works. One that runs nothing ends well.
func TestServe(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, m := range append([]string{"BlessingMix_V1", "v1-5-pruned-emaonly"}, family...) {
		file := m + ".safetensors"
		if err := os.Link(filepath.Join(os.Getenv(familyVariable), file), filepath.Join(dir, file)); err != nil {
			t.Skip("another file system: ", err)
		}
		models = append(models, file)
	}
	serve := func() (cmd *exec.Cmd, stderr *bytes.Buffer, address, token string) {
		cmd, stderr = mixmatch("serve", dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		address, token, ok := strings.Cut(strings.TrimSpace(line), "/#token=")
		if err != nil || !ok || !strings.HasPrefix(address, "http://127.0.0.1:") {
			t.Fatalf("it prints %q (%v)\n%s", line, err, stderr)
		}
		return cmd, stderr, address, token
	}

	cmd, stderr, _, _ := serve()
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(stderr.String(), "stopped\n") {
		t.Errorf("%v, %q; want a good end", err, stderr)
	}

	cmd, stderr, address, token := serve()
	body, _ := json.Marshal(map[string]any{"study": "a study", "target": models[0], "base": models[1], "sources": models[2:], "trials": 30000})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/start", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Mixmatch-Token", token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("start: %s", answer.Status)
	}
	study := filepath.Join(dir, "a study")
	for begun := false; !begun; time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(study, "journal", "*.jsonl"))
		begun = len(files) > 0
	}
	_ = cmd.Process.Signal(os.Interrupt)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("%v, want exit code 130\n%s", err, stderr)
	}
	if want := "mixmatch resume " + report.Quote(study); !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr %q does not contain %q", stderr, want)
	}
	if left := strays(dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	held := grown(t, study, nil)
	resumed, stderr := mixmatch("resume", study, "--quiet")
	if err := resumed.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	_ = resumed.Process.Signal(os.Interrupt)
	if err := resumed.Wait(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 130) {
		t.Fatalf("%v\n%s", err, stderr)
	}
	grown(t, study, held)
}
