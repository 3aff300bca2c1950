package residual

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge"
	"mixmatch/merge/difference"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
	"mixmatch/similarity/lowrank"
)

// look looks at the tensors that are due, each as a whole, the largest first so
// that no thread is left alone with one in the end. For those with something in
// them it notes the products of what is outside.
func (r *Rest) look(ctx context.Context, all []Left, due []int, products map[string]*similarity.Products, corrected map[string]similarity.Products, o Options) error {
	slices.SortStableFunc(due, func(a, b int) int { return all[b].Len() - all[a].Len() })
	var total int64
	for _, i := range due {
		total += int64(all[i].Len())
	}
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var lock sync.Mutex
	var done int64 // under lock, as corrected
	group, ctx := errgroup.WithContext(ctx)
	for range threads {
		group.Go(func() error {
			lk := looker{rd: r.NewReader(), rest: r, most: o.MaxRank, best: o.best}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(due) {
					return nil
				}
				l := &all[due[i]]
				if err := lk.look(ctx, l); err != nil {
					return err
				}
				var fixed *similarity.Products
				if p := products[l.Key]; p != nil && l.Low() {
					var err error
					if fixed, err = lk.outside(ctx, l, *p); err != nil {
						return err
					}
				}
				lock.Lock()
				delete(corrected, l.Key)
				if fixed != nil {
					corrected[l.Key] = *fixed
				}
				done += int64(l.Len())
				if o.Progress != nil {
					o.Progress(done, total)
				}
				lock.Unlock()
			}
		})
	}
	return group.Wait()
}

// A looker looks at tensors, one at a time.
type looker struct {
	rd   *Reader
	rest *Rest
	most int // no higher rank
	best int // directions of each matrix; 0: those that stand clear
	room []float32
}

// whole is how much of a tensor is read at a time where the matrix as a whole is
// not needed, and between looks at the context.
const whole = 1 << 20

// look sets what is to be known of l.
func (lk *looker) look(ctx context.Context, l *Left) error {
	n := l.Len()
	matrix := l.Kind.searched() && min(l.Shape[0], n/l.Shape[0]) >= 8
	keep := whole
	if matrix {
		keep = n
	}
	if cap(lk.room) < min(keep, n) {
		lk.room = make([]float32, min(keep, n))
	}
	l.Energy, l.Floor, l.Pieces = 0, 0, nil
	l.weights = lk.rest.weights(l.Tensor)
	for at := 0; at < n; at += whole {
		if err := ctx.Err(); err != nil {
			return err
		}
		x := lk.room[:min(whole, n-at)]
		if matrix {
			x = lk.room[at : at+len(x)]
		}
		if err := lk.rd.Read(x, l.Tensor, at); err != nil {
			return err
		}
		if bad := vec.Finite(x); bad > 0 {
			return fmt.Errorf("%w: %q is not, in %d elements of the target or a source; repair or leave out that model", merge.ErrNonFinite, l.Key, bad)
		}
		l.Energy += vec.Dot(x, x)
		floor, err := lk.rd.Noise(l.Tensor, at, len(x))
		if err != nil {
			return err
		}
		l.Floor += floor
	}
	if !matrix {
		return nil
	}
	parts := difference.Parts(l.Key)
	if l.Shape[0]%parts != 0 {
		parts = 1
	}
	rows, cols := l.Shape[0]/parts, n/l.Shape[0]
	for part := range parts {
		data := lk.room[part*rows*cols : (part+1)*rows*cols]
		a := lowrank.Matrix{Rows: rows, Cols: cols, Data: data}
		f := lk.apart(ctx, a, l.Floor/float64(n))
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Pieces = append(l.Pieces, Piece{Part: part, Rows: rows, Cols: cols, Found: *f})
	}
	if cap(lk.room) > 1<<24 {
		lk.room = nil // not to be kept for the many that are smaller
	}
	return nil
}

// apart takes a matrix apart, whose numbers were rounded by noise.
func (lk *looker) apart(ctx context.Context, a lowrank.Matrix, noise float64) *lowrank.Found {
	if lk.best == 0 {
		return lowrank.Find(ctx, a, noise, lk.most)
	}
	f := lowrank.Best(ctx, a, lk.best)
	if f.Energy <= 1.5*noise*float64(len(a.Data)) {
		return &lowrank.Found{Energy: f.Energy, Outside: f.Energy}
	}
	return f
}

// outside returns the products of a tensor outside of the directions found in it.
func (lk *looker) outside(ctx context.Context, l *Left, p similarity.Products) (*similarity.Products, error) {
	rows := len(lk.rest.Pool.Models) + 1
	products := p.P.Unpack(nil)
	share := 0.0
	for i := range l.Pieces {
		q := &l.Pieces[i]
		share += float64((q.Rows-q.Rank)*(q.Cols-q.Rank)) / float64(len(l.Pieces)*q.Rows*q.Cols)
		if q.Rank == 0 {
			continue
		}
		shadows := q.NewShadows(rows, q.Rows, q.Cols)
		some := min(q.Rows, max(1, whole/q.Cols))
		x := make([]float32, some*q.Cols)
		for at := 0; at < q.Rows; at += some {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			part := x[:min(some, q.Rows-at)*q.Cols]
			for row, s := range shadows {
				if err := lk.rd.Row(part, l.Tensor, row, (q.Part*q.Rows+at)*q.Cols); err != nil {
					return nil, err
				}
				s.Add(part, at)
			}
		}
		lowrank.Outside(products, shadows)
	}
	p.P = similarity.NewTriangle(products, rows)
	p.Len = max(1, int(float64(p.Len)*share))
	p.Floor *= share
	p.Half *= share
	return &p, nil
}
