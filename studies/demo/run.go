package demo

import (
	"context"
	"runtime"
	"sync"

	"mixmatch/merge/vec"
)

// chunk is how many elements are made at a time: few enough for the slices of
// all models to stay in the cache.
const chunk = 1 << 15

// A job is one chunk of a tensor in all files.
type job struct {
	*scratch
	t     *tensor
	at, n int
	done  chan struct{}
}

// A scratch is the memory of a job.
type scratch struct {
	out    [][]byte        // by file
	slots  [][]float32     // values of the cast, of the base, and of the target's steps
	shared [kins][]float32 // what all learned, and what each kin did
}

func newScratch(cast, slots int) *scratch {
	s := &scratch{out: make([][]byte, cast+2), slots: make([][]float32, slots)}
	for i := range s.out {
		s.out[i] = make([]byte, 4*chunk)
	}
	for i := range s.slots {
		s.slots[i] = make([]float32, chunk)
	}
	for k := range s.shared {
		s.shared[k] = make([]float32, chunk)
	}
	return s
}

// run makes the tensors and writes them. Chunks are made by as many goroutines
// as there are processors and written in order by this one, so the bytes do not
// depend on how many there are.
func (w *work) run(ctx context.Context, f files, progress func(done, total int64)) error {
	slots := len(w.cast) + 1
	for _, t := range w.tensors {
		if t.target != nil {
			slots = max(slots, t.target.size)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	flight := workers + 2
	free := make(chan *scratch, flight)
	for range flight {
		free <- newScratch(len(w.cast), slots)
	}
	todo := make(chan *job, flight)
	ordered := make(chan *job, flight)

	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { w.deal(ctx, free, todo, ordered) })
	for range workers {
		wg.Go(func() {
			for j := range todo {
				w.fill(j)
				close(j.done)
			}
		})
	}

	var done int64
	total := f.bytes()
	for j := range ordered {
		<-j.done
		for i, one := range f {
			if !one.has[j.t.Name] {
				continue
			}
			n, err := one.w.Write(j.out[i])
			if err != nil {
				return err
			}
			done += int64(n)
		}
		free <- j.scratch
		if progress != nil {
			progress(done, total)
		}
	}
	return ctx.Err()
}

// deal hands out all chunks in order. There is never more in flight than the
// channels hold.
func (w *work) deal(ctx context.Context, free <-chan *scratch, todo, ordered chan<- *job) {
	defer close(todo)
	defer close(ordered)
	for i := range w.tensors {
		t := &w.tensors[i]
		for at, size := 0, t.Len(); at < size; at += chunk {
			if ctx.Err() != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case s := <-free:
				j := &job{scratch: s, t: t, at: at, n: min(chunk, size-at), done: make(chan struct{})}
				todo <- j
				ordered <- j
			}
		}
	}
}

// fill makes the bytes of j.
func (w *work) fill(j *job) {
	t, cast := j.t, len(w.cast)
	if t.Integer {
		p := positions(t.Len())[8*j.at:][:8*j.n]
		for i := range j.out {
			j.out[i] = append(j.out[i][:0], p...)
		}
		return
	}
	base := j.slots[cast][:j.n]
	t.base.normals(base, j.at)
	for i, z := range base {
		base[i] = t.mean + float32(t.dev*z)
	}
	t.all.normals(j.shared[alone][:j.n], j.at)
	for k := alone + 1; k < kins; k++ {
		t.kin[k].normals(j.shared[k][:j.n], j.at)
	}
	for i, c := range w.cast {
		x := j.slots[i][:j.n]
		w.tune(x, base, j, i, c)
		vec.RoundF16(x)
		j.out[i] = f16(j.out[i], x)
	}
	j.out[cast] = j.out[cast][:4*j.n]
	vec.NarrowF32(j.out[cast], base)

	target := j.slots[0][:j.n] // the root's
	if t.target != nil {
		for i, s := range j.slots {
			j.slots[i] = s[:j.n]
		}
		target = t.target.run(j.slots)
	}
	j.out[cast+1] = f16(j.out[cast+1], target)
	for i, s := range j.slots {
		j.slots[i] = s[:chunk]
	}
}

// tune sets x to what training made of base in model i, before rounding.
func (w *work) tune(x, base []float32, j *job, i int, c character) {
	all, kin, own := c.shares()
	drift := j.t.drift[i]
	all, kin, own = all*drift, kin*drift, own*drift
	j.t.own[i].normals(x, j.at)
	common, relatives := j.shared[alone][:len(x)], j.shared[c.kin][:len(x)]
	base = base[:len(x)]
	for i, z := range x {
		d := float32(own*z) + float32(all*common[i])
		x[i] = base[i] + (d + float32(kin*relatives[i]))
	}
}

// f16 stores x in b, which has the room, and returns b at its new length.
func f16(b []byte, x []float32) []byte {
	b = b[:2*len(x)]
	vec.NarrowF16(b, x)
	return b
}
