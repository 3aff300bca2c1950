package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"mixmatch/merge/safetext"
	"mixmatch/studies"
)

// A meter shows how far long work is, on stderr, if that is a terminal and
// nobody asked for quiet.
type meter struct {
	show  bool
	stage string
	bar   *progressbar.ProgressBar
}

func newMeter(c *cli.Context) *meter {
	return &meter{show: !c.Bool("quiet") && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stderr.Fd()))}
}

// to shows that done of total is done of a stage, counted in bytes or in units.
func (m *meter) to(stage string, done, total int64, bytes bool) {
	if !m.show {
		return
	}
	if m.bar == nil || m.stage != stage {
		m.end()
		m.stage = stage
		m.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(safetext.Line(stage)),
			progressbar.OptionShowBytes(bytes),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetWidth(24),
			progressbar.OptionClearOnFinish(),
		)
	}
	_ = m.bar.Set64(done) // a terminal that is gone is no reason to stop
}

// end clears the line.
func (m *meter) end() {
	if m.bar != nil {
		_ = m.bar.Clear()
		m.bar = nil
	}
}

// study is to for a run of a study.
func (m *meter) study(p studies.Progress) { m.to(p.Stage, p.Done, p.Total, p.Stage != "searching") }

// say prints a message for people on stderr. Names from files may be in it.
func say(c *cli.Context, format string, args ...any) {
	if !c.Bool("quiet") {
		fmt.Fprintln(os.Stderr, safetext.Text(fmt.Sprintf(format, args...)))
	}
}
