package trials

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"mixmatch/studies"
)

// The operations of Optuna's journal (optuna/storages/journal/_storage.py,
// JournalOperation) that are written, and what it calls a finished trial and a
// direction (optuna/trial/_state.py, optuna/study/_study_direction.py).
const (
	createStudy  = 0
	setStudyAttr = 2
	createTrial  = 4

	complete = 1
	minimize = 1
)

// worker is who Optuna is told has made the trials.
const worker = "mixmatch"

type study struct {
	Op         int    `json:"op_code"`
	Worker     string `json:"worker_id"`
	Name       string `json:"study_name"`
	Directions []int  `json:"directions"`
}

type studyAttr struct {
	Op     int            `json:"op_code"`
	Worker string         `json:"worker_id"`
	Study  int            `json:"study_id"`
	Attr   map[string]any `json:"user_attr"`
}

type trial struct {
	Op            int                `json:"op_code"`
	Worker        string             `json:"worker_id"`
	Study         int                `json:"study_id"`
	State         int                `json:"state"`
	Value         float64            `json:"value"`
	Params        map[string]float64 `json:"params"`
	Distributions map[string]string  `json:"distributions"` // JSON, each
	Start         string             `json:"datetime_start"`
	Complete      string             `json:"datetime_complete"`
	UserAttrs     map[string]any     `json:"user_attrs"`
	SystemAttrs   struct{}           `json:"system_attrs"`
	Intermediate  struct{}           `json:"intermediate_values"`
	Values        *[]float64         `json:"values"`
}

type distribution struct {
	Name       string     `json:"name"`
	Attributes attributes `json:"attributes"`
}

type attributes struct {
	Step *float64 `json:"step"`
	Low  float64  `json:"low"`
	High float64  `json:"high"`
	Log  bool     `json:"log"`
}

// Optuna writes the searches as the journal that Optuna 3 to 5 keep in a file
// (JournalFileBackend), each a study of the name NAME/SEARCH that minimises 1 -
// similarity. The studies' user attributes have the ceiling, as a value; those of
// trials who proposed them.
//
// Journals have no times: trials are dated a second apart, from 1970 on, in their
// order, so that the file is the same whenever it is written.
func Optuna(w io.Writer, name string, searches []studies.SearchRecord) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	second := 0
	date := func() string {
		second++
		return time.Unix(int64(second), 0).UTC().Format("2006-01-02T15:04:05.000000-07:00")
	}
	for id, s := range searches {
		if err := lines.Encode(study{createStudy, worker, name + "/" + s.Name, []int{minimize}}); err != nil {
			return err
		}
		about := []map[string]any{{"similarity": "1 - value"}}
		if s.Bounded {
			about = append(about, map[string]any{"ceiling": s.Ceiling})
		}
		for _, a := range about {
			if err := lines.Encode(studyAttr{setStudyAttr, worker, id, a}); err != nil {
				return err
			}
		}
		distributions := map[string]string{}
		for _, r := range s.Ratios {
			text, err := json.Marshal(distribution{"FloatDistribution", attributes{nil, r.Lower, r.Upper, false}})
			if err != nil {
				return err
			}
			distributions[r.Name()] = string(text)
		}
		for _, t := range s.Trials {
			params := map[string]float64{}
			for k, r := range s.Ratios {
				params[r.Name()] = t.X[k]
			}
			start := date()
			err := lines.Encode(trial{
				Op: createTrial, Worker: worker, Study: id, State: complete, Value: t.Value, Params: params, Distributions: distributions,
				Start: start, Complete: start, UserAttrs: map[string]any{"sampler": t.By},
			})
			if err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
