//go:build linux || darwin

package main

import (
	"os"
	"runtime"
	"syscall"
)

// peak returns how many bytes a process that has ended had in memory at most.
func peak(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "linux" { // counts in KiB
		return usage.Maxrss << 10
	}
	return usage.Maxrss
}
