package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/urfave/cli/v2"

	"mixmatch/studies/live"
	"mixmatch/studies/report"
)

const serveHelp = `Shows the studies of a folder in the browser, on this machine alone: how they run,
what they found, two side by side, and a mixing desk to tune a recipe by hand.
Starts, stops and resumes them, too.

   mixmatch serve                   the studies in this folder and below it
   mixmatch serve models --port 8150

Open the address that it prints. What stands behind the # in it is a key: without it
a page can look and change nothing. It serves until it is stopped with Ctrl-C; what runs
then is stopped as by Ctrl-C, and can be resumed. docs/serve.md tells more.`

func serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "show studies in the browser, tune recipes by hand", ArgsUsage: "[DIR]", Description: serveHelp,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "port", Usage: "the port of 127.0.0.1 to answer on", DefaultText: "any that is free"},
			&cli.IntFlag{Name: "threads", Usage: "work on so many blocks at once (default: one a processor); the result does not depend on it", Action: checkThreads},
			noCacheFlag(),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the address"},
		},
		Action: serveAction,
	}
}

func serveAction(c *cli.Context) error {
	dir := "."
	if c.NArg() > 0 {
		var err error
		if dir, err = one(c, "the folder"); err != nil {
			return err
		}
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usage("serve: %s is a file: name the folder that holds the studies", dir)
	}
	port := c.Int("port")
	if port < 0 || port > 65535 {
		return usage("serve: --port %d: give 1 to 65535, or 0 for any that is free", port)
	}
	s, err := live.New(live.Options{Dir: dir, Threads: threads(c), Cache: openCache(c)})
	if err != nil {
		return absent("", err)
	}
	l, err := live.Listen(port)
	if err != nil {
		return fmt.Errorf("%w: choose another --port, or leave it out for any that is free", err)
	}
	fmt.Fprintf(c.App.Writer, "http://127.0.0.1:%d/#token=%s\n", l.Addr().(*net.TCPAddr).Port, s.Token)
	say(c, "serving %s until Ctrl-C", dir)
	stopped, err := s.Serve(c.Context, l)
	if len(stopped) == 0 {
		if errors.Is(c.Context.Err(), context.Canceled) {
			sayStopped(c, "stopped")
		}
		return err
	}
	sayStopped(c, "stopped; everything finished is kept. Go on with:")
	for _, d := range stopped {
		say(c, "  mixmatch resume %s", report.Quote(d))
	}
	return errors.Join(err, silentError{context.Canceled})
}
