package main

import (
	"context"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"mixmatch/merge"
	"mixmatch/similarity/fingerprint"
)

// cmdPrints takes the fingerprints of models: prints [-like MODEL] MODEL FILE ...
func cmdPrints(ts *testscript.TestScript, _ bool, args []string) {
	var o fingerprint.Options
	open := func(path string) *merge.Model {
		m, err := merge.OpenSource(nameOf(path), ts.MkAbs(path))
		ts.Check(err)
		return m
	}
	if args[0] == "-like" {
		o.Like = open(args[1])
		defer o.Like.Close()
		args = args[2:]
	}
	for ; len(args) >= 2; args = args[2:] {
		m := open(args[0])
		f, err := fingerprint.Of(context.Background(), m, o)
		m.Close()
		ts.Check(err)
		b, err := f.Append(nil)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o666))
	}
}
