package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// What a release is built with: -ldflags "-X main.release=v1.2.3 -X main.commit=...".
var release, commit string

// version returns the version, what it was built from, by which Go and for what
// system: what a report of a bug needs.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(info, release, commit)
}

func describe(info *debug.BuildInfo, release, commit string) string {
	changed := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && commit == "":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " and changes"
		}
	}
	if release == "" {
		release = strings.Trim(info.Main.Version, "()")
	}
	if release == "" {
		release = "devel"
	}
	parts := []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if commit != "" {
		parts = append([]string{"commit " + commit[:min(12, len(commit))] + changed}, parts...)
	}
	return fmt.Sprintf("%s (%s)", release, strings.Join(parts, ", "))
}
