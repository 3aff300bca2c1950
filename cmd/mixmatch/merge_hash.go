package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/cache"
	"mixmatch/merge/exchange"
)

// A hashing computes the hashes of a merge's sources while it is under way: one that
// waits for the disk leaves processors idle, and reads what is hashed anyway.
type hashing struct {
	models  map[string]exchange.Model // by name; of those that are being hashed something as long
	several []string                  // the names of those that have no hash

	missing []*merge.Model // that are being hashed
	found   []exchange.Model

	stop func()
	done chan struct{} // closed when nothing is under way
	read atomic.Int64  // bytes
	size int64

	mu  sync.Mutex
	err error
}

// startHashing begins with what the cache does not know. It must end with
// [hashing.end].
func startHashing(ctx context.Context, sources []*merge.Model, kept *cache.Cache) *hashing {
	h := &hashing{models: map[string]exchange.Model{}, done: make(chan struct{})}
	for _, m := range sources {
		if len(m.File.Files()) != 1 {
			h.several = append(h.several, m.Name)
		} else if hash, ok := merge.KnownHash(m.File, kept); ok {
			h.models[m.Name] = exchange.Model{SHA256: hash.SHA256, Legacy: hash.Legacy}
		} else {
			h.missing = append(h.missing, m)
			h.size += m.File.Size()
		}
	}
	h.found = make([]exchange.Model, len(h.missing))
	ctx, h.stop = context.WithCancel(ctx)
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, m := range h.missing {
		h.models[m.Name] = exchange.Model{SHA256: fmt.Sprintf("%064x", i), Legacy: strings.Repeat("0", 8)}
		wait.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			h.hash(ctx, i, kept)
		})
	}
	go func() {
		wait.Wait()
		close(h.done)
	}()
	return h
}

// hash hashes one of the missing.
func (h *hashing) hash(ctx context.Context, i int, kept *cache.Cache) {
	before := int64(0)
	hash, err := merge.HashKnown(ctx, h.missing[i].File, kept, func(done int64) {
		h.read.Add(done - before)
		before = done
	})
	h.found[i] = exchange.Model{SHA256: hash.SHA256, Legacy: hash.Legacy}
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.err == nil {
			h.err = err
		}
		h.stop()
	}
}

// wait waits until all hashes are among models.
func (h *hashing) wait(meter *meter) error {
	for {
		select {
		case <-h.done:
			for i, m := range h.missing {
				h.models[m.Name] = h.found[i]
			}
			return h.err
		case <-time.After(200 * time.Millisecond):
			meter.to("hashing", h.read.Load(), h.size, true)
		}
	}
}

// end stops what is under way, and waits for that.
func (h *hashing) end() {
	h.stop()
	<-h.done
}
