package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// errSlow is wrapped by the error of a run that took longer than patience.
var errSlow = errors.New("stopped")

// A command is a process to be timed.
type command struct {
	args []string
	env  []string // beside the environment
	own  bool     // the process prints the seconds that count
}

// run runs commands one after the other and returns what they took together.
func (b *bencher) run(ctx context.Context, commands ...command) (sample, error) {
	var sum sample
	for _, c := range commands {
		s, err := b.runOne(ctx, c)
		if err != nil {
			return sum, err
		}
		sum.wall += s.wall
		sum.cpu += s.cpu
		sum.peak = max(sum.peak, s.peak)
	}
	return sum, nil
}

func (b *bencher) runOne(parent context.Context, c command) (sample, error) {
	path, err := exec.LookPath(c.args[0])
	if err != nil {
		return sample{}, skipped("no " + c.args[0] + " here")
	}
	ctx, cancel := context.WithTimeout(parent, b.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, c.args[1:]...)
	// The user's caches are neither used nor filled.
	cmd.Env = append(os.Environ(), "MIXMATCH_CACHE="+b.scratch.path("cache"), "XDG_CACHE_HOME="+b.scratch.path("cache"))
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var said tail
	var out bytes.Buffer
	cmd.Stderr = &said
	if c.own {
		cmd.Stdout = &out
	}
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	switch {
	case parent.Err() != nil:
		return sample{}, parent.Err()
	case ctx.Err() != nil:
		return sample{}, fmt.Errorf("%w after %s", errSlow, b.patience)
	case err != nil:
		return sample{}, fmt.Errorf("%s: %w: %s", strings.Join(c.args[:min(2, len(c.args))], " "), err, said.last())
	}
	if c.own {
		x, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
		if err != nil {
			return sample{}, fmt.Errorf("%s printed no seconds: %w", c.args[0], err)
		}
		wall = time.Duration(x * float64(time.Second))
	}
	p := cmd.ProcessState
	return sample{wall: wall, cpu: p.UserTime() + p.SystemTime(), peak: peak(p)}, nil
}

// A tail keeps the end of what a process says.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 8<<10 {
		t.b = append(t.b[:0], t.b[len(t.b)-4<<10:]...)
	}
	return len(p), nil
}

// last returns the last line.
func (t *tail) last() string {
	lines := strings.FieldsFunc(string(t.b), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return "it said nothing"
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
