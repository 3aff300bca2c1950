package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"mixmatch/studies"
	"mixmatch/studies/report"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print what a study found out", ArgsUsage: "STUDY",
		Description: `   mixmatch show evo
   mixmatch show evo --weights      each block's weights and their errors
   mixmatch show evo --watch        again and again, as long as the study runs
   mixmatch show evo --json | jq .verdict

A study that runs or was stopped is shown as far as it is; with --json that is
{"finished": false} and the best of each search.`,
		Flags: []cli.Flag{
			wideFlag(),
			&cli.BoolFlag{Name: "watch", Usage: "show a study that runs, once a second, as long as it runs"},
			&cli.BoolFlag{Name: "weights", Usage: "print the share of each source in each block, with its error"},
			&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON"},
		},
		Action: showAction,
	}
}

func showAction(c *cli.Context) error {
	dir, err := one(c, "the STUDY")
	if err != nil {
		return err
	}
	if c.Bool("watch") && c.Bool("json") {
		return usage("show: --watch shows tables: leave out --json")
	}
	dirs := []string{dir}
	members := studies.Members(dir)
	if members != nil {
		dirs = nil
		for _, name := range members {
			dirs = append(dirs, filepath.Join(dir, name))
		}
	}
	if c.Bool("watch") {
		if err := watch(c, dirs); err != nil {
			return err
		}
	}
	var all []any
	for i, d := range dirs {
		sum, begun, err := readStudy(d)
		switch {
		case err != nil:
			return err
		case c.Bool("json") && sum != nil:
			all = append(all, sum)
			continue
		case c.Bool("json"):
			all = append(all, begun.document())
			continue
		case i > 0:
			fmt.Fprintln(c.App.Writer)
		}
		if sum != nil {
			err = showStudy(c, d, sum)
		} else {
			err = begun.show(c)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !c.Bool("json"):
		return nil
	case members == nil:
		return printJSON(c, all[0])
	}
	return printJSON(c, all)
}

// showStudy prints what a study found out, or its weights.
func showStudy(c *cli.Context, dir string, sum *studies.Summary) error {
	w, p := page(c)
	if c.Bool("weights") {
		return report.Weights(w, sum, p)
	}
	if err := report.Text(w, sum, p); err != nil {
		return err
	}
	return report.Next(w, sum, dir, p)
}

// A begun is a study that is not finished.
type begun struct {
	dir, name string
	searches  []studies.SearchRecord
	running   bool // another process works on it
}

// readStudy reads the result of a study, or what there is before it has one.
func readStudy(dir string) (*studies.Summary, *begun, error) {
	sum, err := studies.ReadSummary(dir)
	if !errors.Is(err, studies.ErrPending) {
		return sum, nil, err
	}
	b := &begun{dir: dir, running: studies.Running(dir)}
	f, err := studies.OpenFiles(dir)
	if err != nil {
		return nil, nil, err
	}
	b.name = f.Plan().Target.Name
	b.searches, err = studies.Searches(dir)
	if errors.Is(err, studies.ErrPending) { // it reads, or has not begun to
		err = nil
	}
	return nil, b, err
}

func (b *begun) show(c *cli.Context) error {
	w, p := page(c)
	return report.Unfinished(w, b.name, b.dir, b.searches, b.running, p)
}

// A searchDocument is a search of a study that is not finished, as JSON.
type searchDocument struct {
	Name    string   `json:"name"`
	Trials  int      `json:"trials"`
	Best    *float64 `json:"best,omitempty"`    // similarity
	Ceiling *float64 `json:"ceiling,omitempty"` // likewise
}

func (b *begun) document() any {
	list := []searchDocument{}
	for _, s := range b.searches {
		d := searchDocument{Name: s.Name, Trials: len(s.Trials)}
		if i := s.Best(); i >= 0 {
			v := 1 - s.Trials[i].Value
			d.Best = &v
		}
		if s.Bounded {
			v := 1 - s.Ceiling
			d.Ceiling = &v
		}
		list = append(list, d)
	}
	return struct {
		Finished bool             `json:"finished"`
		Target   string           `json:"target"`
		Searches []searchDocument `json:"searches"`
	}{false, b.name, list}
}

// watch shows studies once a second until nobody works on any: on a terminal in place of
// what it showed before, elsewhere whenever something changed.
func watch(c *cli.Context, dirs []string) error {
	w, p := page(c)
	var before []byte
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		var text bytes.Buffer
		finished := true
		for i, d := range dirs {
			sum, b, err := readStudy(d)
			switch {
			case err != nil:
				return err
			case i > 0:
				text.WriteByte('\n')
			}
			if sum != nil {
				fmt.Fprintf(&text, "%s: finished.\n", sum.Target)
				continue
			}
			finished = finished && !b.running // what nobody works on is not waited for
			if err := report.Unfinished(&text, b.name, b.dir, b.searches, b.running, p); err != nil {
				return err
			}
		}
		if finished { // what there is, is shown behind
			return nil
		}
		if !bytes.Equal(text.Bytes(), before) {
			before = bytes.Clone(text.Bytes())
			if p.Width > 0 { // a terminal: home, and clear what is below
				fmt.Fprint(w, "\x1b[H\x1b[J")
			}
			if _, err := w.Write(before); err != nil {
				return err
			}
		}
		select {
		case <-c.Context.Done():
			return silentError{c.Context.Err()}
		case <-clock.C:
		}
	}
}
