package report

import "mixmatch/optimize"

// mostSpans is how many spans a search's trials are brought down to.
const mostSpans = 100

// A history collects the trials of all searches, in memory that does not grow with
// their number, but for those that were better than all before them.
type history struct {
	names []string
	by    map[string]*searchHistory
}

type searchHistory struct {
	Search
	each int // how many trials are in a span
}

func newHistory() *history { return &history{by: map[string]*searchHistory{}} }

// add adds the next trial of a search.
func (h *history) add(search string, t optimize.Trial) error {
	s := h.by[search]
	if s == nil {
		s = &searchHistory{Search: Search{Name: search}, each: 1}
		h.by[search] = s
		h.names = append(h.names, search)
	}
	s.Trials++
	if len(s.Best) == 0 || t.Value < s.Best[len(s.Best)-1].Value {
		s.Best = append(s.Best, Point{t.Number, t.Value})
	}
	if n := len(s.Spans); n > 0 && s.Spans[n-1].To-s.Spans[n-1].From+1 < s.each {
		last := &s.Spans[n-1]
		last.To, last.Lo, last.Hi = t.Number, min(last.Lo, t.Value), max(last.Hi, t.Value)
		return nil
	}
	if len(s.Spans) == mostSpans { // two of them become one
		for i := range mostSpans / 2 {
			a, b := s.Spans[2*i], s.Spans[2*i+1]
			s.Spans[i] = Span{a.From, b.To, min(a.Lo, b.Lo), max(a.Hi, b.Hi)}
		}
		s.Spans = s.Spans[:mostSpans/2]
		s.each *= 2
	}
	s.Spans = append(s.Spans, Span{t.Number, t.Number, t.Value, t.Value})
	return nil
}

// searches returns what was collected, and how many trials that were.
func (h *history) searches() (all []Search, trials int) {
	for _, name := range h.names {
		all = append(all, h.by[name].Search)
		trials += h.by[name].Trials
	}
	return all, trials
}
