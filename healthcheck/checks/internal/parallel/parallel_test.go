package parallel_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/parallel"
)

// TestDo: all are under way at once, or none would return.
func TestDo(t *testing.T) {
	for _, n := range []int{0, 1, 2, 50} {
		var here sync.WaitGroup
		here.Add(n)
		done := make([]bool, n)
		parallel.Do(n, func(i int) {
			here.Done()
			here.Wait()
			done[i] = true
		})
		assert.NotContains(t, done, false)
	}
}

func TestPanics(t *testing.T) {
	for _, n := range []int{1, 3} {
		returned := make([]bool, n)
		assert.PanicsWithValue(t, n-1, func() {
			parallel.Do(n, func(i int) {
				if i == n-1 {
					panic(i)
				}
				returned[i] = true
			})
		})
		assert.NotContains(t, returned[:n-1], false, "the others are waited for")
	}
}
