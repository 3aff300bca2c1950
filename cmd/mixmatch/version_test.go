package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestDescribe(t *testing.T) {
	system := runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	built := &debug.BuildInfo{
		Main:     debug.Module{Version: "(devel)"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
	}
	installed := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}
	for _, tt := range []struct {
		info            *debug.BuildInfo
		release, commit string
		want            string
	}{
		{&debug.BuildInfo{}, "", "", "devel (" + system},
		{built, "", "", "devel (commit 0123456789ab and changes, " + system},
		{installed, "", "", "v1.2.3 (" + system},
		{installed, "v2.0.0", "fedcba", "v2.0.0 (commit fedcba, " + system},
	} {
		if got := describe(tt.info, tt.release, tt.commit); got != tt.want {
			t.Errorf("got %s; want %s", got, tt.want)
		}
	}
}
