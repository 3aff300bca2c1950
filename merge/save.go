package merge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

// ErrOverflow is wrapped when merged values do not fit the output's numbers.
var ErrOverflow = errors.New("values too large for the output's numbers")

// SaveOptions are the choices of [Save]. The zero value refuses to replace a
// file.
type SaveOptions struct {
	Metadata map[string]string // written beside format:"pt"

	// Late, if it is not nil, returns the metadata when all else is written: hashes of
	// the models, say, that are computed meanwhile. Until then Metadata keep the room,
	// and must be as long; otherwise the error wraps [safetensors.ErrRoom].
	Late func() (map[string]string, error)

	Force    bool // replace an existing file
	AllowInf bool // write what overflows as infinity, and what comes of infinities and NaN in the models
	Progress func(done, total int64)
}

// A Saved reports what [Save] wrote.
type Saved struct {
	Bytes  int64
	Merged int // tensors computed
	Copied int // tensors taken over bit for bit
	Inf    int // elements that became infinite (only with AllowInf)
	Notes  []string
}

// Save writes the outputs to path, one chunk at a time, in memory of a few
// megabytes a thread. The file appears under its name only when it is complete.
//
// Unless o allows them, values that are infinite or no numbers are refused: in a
// model with an error that wraps [ErrNonFinite], where they arise on the way with
// one that wraps [ErrOverflow].
func Save(ctx context.Context, outs *Outputs, path string, o SaveOptions) (*Saved, error) {
	if len(outs.List) == 0 {
		return nil, fmt.Errorf("%w: nothing to write", ErrMismatch)
	}
	saved := &Saved{Notes: append(slices.Clone(outs.Notes), outs.Pool.emaNote()...)}
	tensors := make([]checkpoint.Tensor, len(outs.List))
	byName := map[string]*Output{}
	var total int64
	for i := range outs.List {
		out := &outs.List[i]
		tensors[i] = out.Tensor
		byName[out.Tensor.Name] = out
		total += out.Tensor.Bytes()
		if out.merged() {
			saved.Merged++
		} else {
			saved.Copied++
		}
	}
	w, err := safetensors.Create(path, tensors, withFormat(o.Metadata), o.Force)
	if err != nil {
		return nil, err
	}
	defer w.Abort()

	inf, odd := 0, newOddCount(outs.Pool)
	err = outs.pieces(ctx, w.Tensors(), byName, func(p piece) error {
		if err := odd.add(p); err != nil && !o.AllowInf {
			return err
		}
		if inf += p.inf; inf > 0 && !o.AllowInf {
			return fmt.Errorf("%w: %s", ErrOverflow, outs.Overflow)
		}
		if _, err := w.Write(p.bytes); err != nil {
			return err
		}
		saved.Bytes += int64(len(p.bytes))
		if o.Progress != nil {
			o.Progress(saved.Bytes, total)
		}
		return nil
	})
	if last := odd.end(); err == nil && last != nil && !o.AllowInf {
		err = last
	}
	if err != nil {
		return nil, err
	}
	saved.Notes = append(saved.Notes, odd.notes()...)
	if o.Late != nil {
		late, err := o.Late()
		if err != nil {
			return nil, err
		}
		if err := w.SetMetadata(withFormat(late)); err != nil {
			return nil, err
		}
	}
	for _, m := range outs.Pool.Models {
		if err := m.File.Changed(); err != nil {
			return nil, err
		}
	}
	saved.Inf = inf
	return saved, w.Commit()
}

// withFormat returns metadata beside format:"pt", which it may replace.
func withFormat(metadata map[string]string) map[string]string {
	all := map[string]string{"format": "pt"}
	maps.Copy(all, metadata)
	return all
}
