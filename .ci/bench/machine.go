package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"
)

// describe names the machine: what figures depend on.
func describe(ctx context.Context) string {
	return fmt.Sprintf("%s%s, %d cores, %s of memory, %s, %s.\n", processor(ctx), vectors(), runtime.NumCPU(), memory(ctx), kernel(ctx), runtime.Version())
}

var (
	modelID   = regexp.MustCompile(`(?m)^model\s*:\s*(\d+)$`)
	modelName = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)
	memTotal  = regexp.MustCompile(`(?m)^MemTotal:\s*(\d+) kB`)
	loads     = regexp.MustCompile(`load averages?: (.*)`)
)

func processor(ctx context.Context) string {
	if m := modelName.FindStringSubmatch(file("/proc/cpuinfo")); m != nil {
		if id := modelID.FindStringSubmatch(file("/proc/cpuinfo")); id != nil { // names of virtual ones say little
			return fmt.Sprintf("%s (model %s)", m[1], id[1])
		}
		return m[1]
	}
	if s := said(ctx, "sysctl", "-n", "machdep.cpu.brand_string"); s != "" {
		return s
	}
	if s := os.Getenv("PROCESSOR_IDENTIFIER"); s != "" { // Windows
		return s
	}
	return runtime.GOARCH
}

// vectors says which of the instructions that the hot loops know the processor has.
func vectors() string {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL:
		return " with AVX-512"
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return " with AVX2"
	case runtime.GOARCH == "amd64":
		return " without AVX2"
	}
	return ""
}

func memory(ctx context.Context) string {
	if m := memTotal.FindStringSubmatch(file("/proc/meminfo")); m != nil {
		if kb, err := strconv.ParseFloat(m[1], 64); err == nil {
			return fmt.Sprintf("%.0f GB", kb*1024/1e9)
		}
	}
	if n, err := strconv.ParseFloat(said(ctx, "sysctl", "-n", "hw.memsize"), 64); err == nil {
		return fmt.Sprintf("%.0f GB", n/1e9)
	}
	return "unknown size"
}

func kernel(ctx context.Context) string {
	if s := said(ctx, "uname", "-sr"); s != "" {
		return s
	}
	return runtime.GOOS
}

// load returns the load averages: how busy others keep the machine.
func load(ctx context.Context) string {
	if f := strings.Fields(file("/proc/loadavg")); len(f) >= 3 {
		return strings.Join(f[:3], " ")
	}
	if m := loads.FindStringSubmatch(said(ctx, "uptime")); m != nil {
		return strings.TrimSpace(m[1])
	}
	return "unknown"
}

// file returns the content of a file, nothing if it is not there.
func file(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// said returns what a command prints, nothing if it cannot be run.
func said(ctx context.Context, name string, args ...string) string {
	b, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
