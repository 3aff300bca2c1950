package identify

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// share does 0 to n in parts, side by side. What do does of one number must not depend
// on the others.
func share(n, threads int, do func(from, to int)) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	part := max(1, n/(8*threads))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(threads, (n+part-1)/part) {
		wait.Go(func() {
			for {
				from := int(next.Add(int64(part))) - part
				if from >= n {
					return
				}
				do(from, min(from+part, n))
			}
		})
	}
	wait.Wait()
}
