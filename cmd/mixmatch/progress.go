package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/library/postgres"
	"mixmatch/studies"
)

// A meter shows how far long work is: one line on stderr, if that is a terminal
// and nobody asked for quiet. The line is drawn by a clock, five times a second,
// so that it moves while work that takes long tells nothing; work only says
// where it is.
type meter struct {
	out   io.Writer // nil: nothing is shown
	width func() int
	now   func() time.Time

	mu    sync.Mutex // guards what follows
	stage stage
	drawn int           // columns of the line that is there
	ended chan struct{} // closed to end the clock; nil while none runs
	clock sync.WaitGroup
}

// A stage is a part of the work.
type stage struct {
	name               string
	done, total, first int64 // first is what was done when it began; total is 0 where nobody knows
	bytes              bool
	begun, told        time.Time     // when it began, and when it told what is done
	later              time.Duration // what other stages will take
}

func newMeter(c *cli.Context) *meter {
	m := &meter{now: time.Now, width: func() int {
		w, _, err := term.GetSize(int(os.Stderr.Fd()))
		if err != nil || w <= 0 {
			return 80
		}
		return w
	}}
	if !c.Bool("quiet") && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stderr.Fd())) {
		m.out = os.Stderr
	}
	return m
}

// to shows that done of total is done of a stage, counted in bytes or in units.
func (m *meter) to(name string, done, total int64, bytes bool) {
	m.show(stage{name: name, done: done, total: total, bytes: bytes})
}

// study shows how far a run of a study is.
func (m *meter) study(p studies.Progress) {
	m.show(stage{name: p.Stage, done: p.Done, total: p.Total, bytes: p.Bytes, later: p.Later})
}

func (m *meter) show(s stage) {
	if m.out == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	begins := s.name != m.stage.name || s.total != m.stage.total || s.done < m.stage.first || m.ended == nil
	s.begun, s.first, s.told = m.stage.begun, m.stage.first, m.now()
	if begins {
		s.begun, s.first = s.told, s.done
	}
	m.stage = s
	if begins {
		m.draw()
	}
	if m.ended == nil {
		ended := make(chan struct{})
		m.ended = ended
		m.clock.Go(func() { m.tick(ended) })
	}
}

// tick draws until ended is closed.
func (m *meter) tick(ended chan struct{}) {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ended:
			return
		case <-t.C:
			m.mu.Lock()
			m.draw()
			m.mu.Unlock()
		}
	}
}

// end clears the line. The clock stands until there is more to show.
func (m *meter) end() {
	m.mu.Lock()
	ended := m.ended
	m.ended = nil
	m.mu.Unlock()
	if ended == nil {
		return
	}
	close(ended)
	m.clock.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put("")
	m.write("\r")
	m.stage = stage{}
}

// draw puts the stage's line in place of the one that is there.
func (m *meter) draw() { m.put(m.stage.line(m.now(), m.width()-1)) }

// put writes a line over the one that is there. Blanks, which every terminal knows,
// cover what is left of that.
func (m *meter) put(line string) {
	n := safetext.Columns(line)
	blank := max(0, min(m.drawn, m.width()-1)-n)
	m.write("\r" + line + strings.Repeat(" ", blank))
	m.drawn = n
}

func (m *meter) write(text string) {
	_, _ = io.WriteString(m.out, text) // a terminal that is gone is no reason to stop
}

// stall is how long work that tells nothing may be as fast as it was.
const stall = 3 * time.Second

// line tells of the stage in as many columns as there are, the name first of all.
func (s *stage) line(now time.Time, width int) string {
	took := now.Sub(s.begun)
	name := safetext.Line(s.name)
	if s.total <= 0 {
		return fit(name, width, "  "+clock(took))
	}
	share := min(1, max(0, float64(s.done)/float64(s.total)))
	percent := fmt.Sprintf("  %3.0f %%", 100*share)
	left, rate, count := "", "", ""
	if s.bytes {
		count = fmt.Sprintf("  %s of %s", inBytes(s.done), inBytes(s.total))
	} else {
		count = fmt.Sprintf("  %d of %d", s.done, s.total)
	}
	since := now.Sub(s.told)
	if since < stall { // between one report and the next its speed is as it was
		took -= since
	} else {
		since = 0
	}
	if gain := s.done - s.first; gain > 0 && took >= 500*time.Millisecond {
		speed := float64(gain) / took.Seconds()
		if s.bytes {
			rate = "  " + inBytes(int64(speed)) + "/s"
		} else {
			rate = fmt.Sprintf("  %.3g/s", speed)
			if speed >= 1000 {
				rate = fmt.Sprintf("  %.0f/s", speed)
			}
		}
		rest := time.Duration(float64(s.total-s.done)/speed*float64(time.Second)) - since
		left = "  " + clock(max(0, rest)+s.later) + " left"
	}
	const cells = 20
	full := int(share * cells)
	bar := "  [" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "]"
	for _, rest := range []string{bar + percent + count + rate + left, percent + count + rate + left, percent + rate + left, percent + left} {
		if safetext.Columns(name)+safetext.Columns(rest) <= width {
			return name + rest
		}
	}
	return fit(name, width, percent)
}

// fit returns text and rest in so many columns; text is cut if need be, and rest left
// out.
func fit(text string, width int, rest string) string {
	if safetext.Columns(rest)+4 > width {
		rest = ""
	}
	for r := []rune(text); safetext.Columns(text)+safetext.Columns(rest) > width && len(r) > 0; {
		r = r[:len(r)-1]
		text = string(r)
	}
	return text + rest
}

// inBytes returns a number of bytes in the unit that makes it short.
func inBytes(n int64) string {
	switch v := float64(n); {
	case n >= 1e10:
		return fmt.Sprintf("%.1f GB", v/1e9)
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", v/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", v/1e6)
	default:
		return fmt.Sprintf("%.0f kB", v/1e3)
	}
}

// clock returns a time in seconds, or in minutes, or in hours and minutes.
func clock(d time.Duration) string {
	switch s := int64(d.Round(time.Second) / time.Second); {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d min", s/60, s%60)
	default:
		return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
	}
}

// say prints a message for people on stderr. Names from files may be in it.
func say(c *cli.Context, format string, args ...any) {
	if !c.Bool("quiet") {
		fmt.Fprintln(os.Stderr, safetext.Text(postgres.Redact(fmt.Sprintf(format, args...))))
	}
}

// sayStopped is say after an interrupt, which most terminals show as ^C in the line
// where the cursor is.
func sayStopped(c *cli.Context, format string, args ...any) {
	if term.IsTerminal(int(os.Stderr.Fd())) && !c.Bool("quiet") {
		fmt.Fprint(os.Stderr, "\r")
	}
	say(c, format, args...)
}

// endsStopped makes an action that an interrupt ended, and that does not say so itself,
// say it like the others.
func endsStopped(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		err := action(c)
		var silent silentError
		if errors.Is(err, context.Canceled) && !errors.As(err, &silent) {
			sayStopped(c, "stopped")
			return silentError{err}
		}
		return err
	}
}
