package studies_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/studies"
)

// attentionPlan has settings that search for the attention similarity.
func attentionPlan() studies.Plan {
	p := settings
	p.Metric, p.Trials, p.Polish = studies.Attention, 20, 20
	p.Groups = []block.Group{block.Outputs}
	return p
}

// TestAttention searches a planted recipe by the attention similarity.
func TestAttention(t *testing.T) {
	p := family(t, block.SM2025)
	s := create(t, filepath.Join(t.TempDir(), "study"), p, attentionPlan())
	sum := run(t, s, studies.Options{})
	a := sum.Groups[0].Attention
	if a == nil || a.Fitted < 0.99 || a.HeldOut < 0.99 || a.Published < 0.99 {
		t.Fatalf("attention %+v", a)
	}
	with := 0
	for _, b := range sum.Groups[0].Blocks {
		if b.Attention == nil {
			continue
		}
		with++
		if b.Attention.Fitted < b.Attention.ByWeights.Fitted-1e-4 {
			t.Errorf("%s: %v is worse than it began: %v", b.Name, b.Attention.Fitted, b.Attention.ByWeights.Fitted)
		}
	}
	if with != 9 {
		t.Errorf("%d blocks with attention, not 9", with)
	}
}

// TestAttentionWarns withholds a source, so that there is noise to fit to.
func TestAttentionWarns(t *testing.T) {
	p := family(t, block.SM2025)
	s := create(t, filepath.Join(t.TempDir(), "study"), p, attentionPlan(), p.Sources[0].Name, p.Sources[1].Name)
	sum := run(t, s, studies.Options{})
	warned := 0
	for _, n := range sum.Notes {
		if strings.Contains(n, "is luck") || strings.Contains(n, "moved away") {
			warned++
		}
	}
	if warned == 0 {
		t.Errorf("no warning in %q", sum.Notes)
	}
}

// TestAttentionResumes stops a search again and again; what comes of it in the
// end is what comes of one that was not stopped, on any number of threads.
func TestAttentionResumes(t *testing.T) {
	p := family(t, block.SM2025)
	whole := filepath.Join(t.TempDir(), "study")
	want := run(t, create(t, whole, p, attentionPlan()), studies.Options{Threads: 1})

	dir := filepath.Join(t.TempDir(), "study")
	s := create(t, dir, p, attentionPlan())
	for stop := int64(50); ; stop += 100 {
		ctx, cancel := context.WithCancel(t.Context())
		got, err := s.Run(ctx, studies.Options{Threads: 2, Progress: func(p studies.Progress) {
			if p.Stage == "searching" && p.Done >= stop {
				cancel()
			}
		}})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err == nil {
			if math.IsNaN(got.Groups[0].Attention.Fitted) || !reflect.DeepEqual(got.Groups[0].Attention.Published, want.Groups[0].Attention.Published) {
				t.Errorf("attention %+v, not %+v", got.Groups[0].Attention, want.Groups[0].Attention)
			}
			break
		}
	}
	a, b := files(t, whole), files(t, dir)
	for name, text := range a {
		if name != "report.txt" && b[name] != text {
			t.Errorf("%s differs", name)
		}
	}
}
