package main

import (
	"github.com/urfave/cli/v2"

	"mixmatch/merge/cache"
)

// noCacheFlag is that of all commands that ask the user's cache.
func noCacheFlag() *cli.BoolFlag {
	return &cli.BoolFlag{Name: "no-cache", Usage: "neither use nor keep what was computed from files before (also: the environment's " + cache.Variable + "=" + cache.Off + "; otherwise that names the folder)"}
}

// openCache returns the user's cache, nil if it is not to be used.
func openCache(c *cli.Context) *cache.Cache {
	if c.Bool("no-cache") {
		return nil
	}
	return cache.Open(cache.Folder())
}
