package postgres

import (
	"context"
	"reflect"
	"testing"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library/postgres/pgtest"
)

// testQueue takes files out of the queue in their order, by two workers.
func testQueue(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx := context.Background()
	l := open(t, s.Database(t)+"&pool_max_conns=8")
	for i, want := range []int{3, 1} {
		n, err := l.Queue(ctx, jobs([]string{"/c", "/a", "/b", "/z"}[:3+i]...))
		if err != nil || n != want {
			t.Fatalf("%d are new, %v", n, err)
		}
	}
	if n, err := l.Queue(ctx, append(jobs("/c", "/y", "/y"), Job{Path: "/x", Name: "named"})); err != nil || n != 2 {
		t.Fatalf("%d are new, %v", n, err)
	}
	first, second := worker(t, l), worker(t, l)
	take := func(w *Worker, want string, others int) *Job {
		t.Helper()
		j, n, err := w.Take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if path := ""; j != nil {
			path = j.Path
			if path != want {
				t.Fatalf("took %q, not %q", path, want)
			}
		} else if want != "" || n != others {
			t.Fatalf("took nothing, others have %d", n)
		}
		return j
	}
	c, a := take(first, "/c", 0), take(second, "/a", 0)
	if got := status(t, l); got != "4 waiting, 2 working, 0 done, 0 failed" {
		t.Error(got)
	}
	if added, err := first.Finish(ctx, c, prints[0]); err != nil || !added {
		t.Fatal(added, err)
	}
	if err := second.Fail(ctx, a, "no model\x00\xff"); err != nil {
		t.Fatal(err)
	}
	b := take(first, "/b", 0)
	if err := first.GiveBack(ctx, b); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/b", "/z", "/y", "/x"} {
		j := take(second, path, 0)
		if added, err := second.Finish(ctx, j, prints[0]); err != nil || added {
			t.Fatal(added, err)
		}
		if (j.Name == "named") != (path == "/x") {
			t.Errorf("%s is called %q", path, j.Name)
		}
	}
	take(second, "", 0)
	if got := status(t, l); got != "0 waiting, 0 working, 5 done, 1 failed" {
		t.Error(got)
	}
	st, err := l.Status(ctx)
	if err != nil || st.Failed[0] != (Failure{"/a", "here", "no model\ufffd"}) {
		t.Errorf("%v, %v", st, err)
	}
	if n, err := l.Retry(ctx); n != 1 || err != nil {
		t.Error(n, err)
	}
	take(first, "/a", 0)
	take(second, "", 1)
	if n, err := l.Queue(ctx, jobs("/a", "/c")); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// testMarks ends files in each way that there is.
func testMarks(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx := context.Background()
	l := open(t, s.Database(t))
	if _, err := l.Queue(ctx, []Job{{Path: "/known", Listed: true}, {Path: "/vae", Listed: true}, {Path: "/bad"}}); err != nil {
		t.Fatal(err)
	}
	w := worker(t, l)
	for _, mark := range []func(*Job) error{
		func(j *Job) error { return w.Known(ctx, j, prints[0].Content) },
		func(j *Job) error { return w.Skip(ctx, j, "no model") },
		func(j *Job) error { return w.Fail(ctx, j, "damaged") },
	} {
		j, _, err := w.Take(ctx)
		if err != nil || j == nil || j.Listed == (j.Path == "/bad") {
			t.Fatal(j, err)
		}
		if err := mark(j); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := l.Retry(ctx); n != 1 || err != nil {
		t.Error(n, err)
	}
	st, err := l.Status(ctx)
	if want := (&Status{1, []Working{}, 1, []Failure{{"/vae", "here", "no model"}}, []Failure{}}); err != nil || !reflect.DeepEqual(st, want) {
		t.Errorf("%+v, %v", st, err)
	}
}
