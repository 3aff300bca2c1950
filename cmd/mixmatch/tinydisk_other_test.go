//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

func canTinyDisk() bool { return false }

func cmdTinyDisk(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("only on Linux") }
