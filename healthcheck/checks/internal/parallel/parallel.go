// Package parallel does several parts of a run at the same time.
package parallel

import "sync"

// Do calls f with 0 to n-1, all at once, and returns when all have returned. A panic in one of them is raised again by Do,
// with the value of the first in their order: it is where the run is, for who waits for it there. A single call is made in
// the goroutine of the caller.
func Do(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	panics := make([]any, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() { panics[i] = recover() }()
			f(i)
		})
	}
	all.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
