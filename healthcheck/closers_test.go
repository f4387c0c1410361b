package healthcheck_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Checkers that Go cannot compare. Each is a value, and what it has to close is behind a pointer.
type (
	slicedCloser struct {
		*closable
		hosts []string
		more  struct {
			b bool
			f float64
			n int8
			u uint16
			c complex64
			a [2]string
			i any
		}
	}
	mappedCloser struct {
		*closable
		hosts map[string]string
	}
	functionCloser struct {
		*closable
		f func() int
	}
	functionAlone struct{ check func(closing bool) error }
)

func (f functionAlone) Check(context.Context) healthcheck.Result {
	return healthcheck.Fail(f.check(false))
}
func (f functionAlone) Close() error { return f.check(true) }

func returns(n int) func() int { return func() int { return n } }

// TestCloserThatCannotBeCompared updates a check, and moves it to another endpoint, with the same checker.
func TestCloserThatCannotBeCompared(t *testing.T) {
	alone := func(c *closable) healthcheck.Checker {
		return functionAlone{func(closing bool) error {
			if closing {
				return c.Close()
			}
			c.Check(context.Background())
			return nil
		}}
	}
	for name, of := range map[string]func(*closable) healthcheck.Checker{
		"slice":          func(c *closable) healthcheck.Checker { return slicedCloser{closable: c, hosts: []string{"a"}} },
		"map":            func(c *closable) healthcheck.Checker { return mappedCloser{c, map[string]string{"a": "b"}} },
		"function":       func(c *closable) healthcheck.Checker { return functionCloser{c, returns(1)} },
		"function alone": alone,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClosable(alwaysOK)
				checker := of(c)
				reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: checker})
				startRegistry(t, reg)
				require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Name: "renamed", Checker: checker}))
				require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"a"}, Register: []healthcheck.Check{{Endpoint: "b", Checker: checker}}}))
				pass(time.Minute)
				assert.Zero(t, c.closed.Load(), "it is in use")
				require.NoError(t, reg.Unregister("b"))
				pass(time.Minute)
				assert.EqualValues(t, 1, c.closed.Load())
			})
		})
	}
	t.Run("copied", func(t *testing.T) {
		c := newClosable(alwaysOK)
		mine := slicedCloser{closable: c, hosts: []string{"a"}}
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: mine})
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Checker: mine}))
		assert.Zero(t, c.closed.Load())
	})
	t.Run("not the same", func(t *testing.T) {
		for name, pair := range map[string]func(*closable) (a, b healthcheck.Checker){
			"function": func(c *closable) (a, b healthcheck.Checker) {
				return functionCloser{c, returns(1)}, functionCloser{c, returns(2)}
			},
			"number": func(c *closable) (a, b healthcheck.Checker) {
				x, y := slicedCloser{closable: c}, slicedCloser{closable: c}
				y.more.n = -1
				return x, y
			},
			"slice": func(c *closable) (a, b healthcheck.Checker) {
				return slicedCloser{closable: c, hosts: []string{"a"}}, slicedCloser{closable: c, hosts: []string{"a"}}
			},
		} {
			c := newClosable(alwaysOK)
			a, b := pair(c)
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: a}, healthcheck.Check{Endpoint: "b", Checker: b})
			require.NoError(t, reg.Unregister("a"))
			assert.EqualValues(t, 1, c.closed.Load(), name)
			require.NoError(t, reg.Unregister("b"))
			assert.EqualValues(t, 2, c.closed.Load(), name)
		}
	})
}

// TestCloseThatHangsHoldsNobodyUp replaces and removes checkers that do not close, among others that do.
func TestCloseThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var buf lockedBuffer
		var checks, replaced []healthcheck.Check
		var good []*closable
		for i, c := range many(60, "c", func(context.Context, int) error { return nil }) {
			c.Checker = &stubbornCloser{c.Func, release}
			if i%3 == 0 {
				good = append(good, newClosable(c.Func))
				c.Checker = good[len(good)-1]
			}
			c.Func = nil
			checks = append(checks, c)
			replaced = append(replaced, healthcheck.Check{Endpoint: c.Endpoint, Func: alwaysOK})
		}
		reg := newRegistry(t, checks...)
		reg.Logger = textLogger(&buf)
		startRegistry(t, reg)
		began := time.Now()
		require.NoError(t, reg.Apply(healthcheck.Changes{Update: replaced[:40], Unregister: []string{"c40", "c41", "c42", "c50"}}))
		assert.LessOrEqual(t, time.Since(began), 5*time.Second)
		pass(time.Second)
		for i, c := range good[:14] {
			assert.EqualValues(t, 1, c.closed.Load(), "c%d", 3*i)
			assert.False(t, c.closedRunning.Load())
		}
		assert.Contains(t, buf.String(), `level=WARN msg="closing a check takes long, and is left behind" check=c40 waited=5s`)

		began = time.Now()
		require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"c45", "c48"}}))
		assert.Zero(t, time.Since(began), "who closes in time is waited for, no longer")
		assert.EqualValues(t, 1, good[15].closed.Load())
	})
}

// exitingCloser ends the goroutine that closes it.
type exitingCloser struct{ healthcheck.Checker }

func (exitingCloser) Close() error { runtime.Goexit(); return nil }

func TestCloseThatEndsItsGoroutine(t *testing.T) {
	c := newClosable(alwaysOK)
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: &exitingCloser{healthcheck.CheckFunc(alwaysOK)}}, healthcheck.Check{Endpoint: "b", Checker: c})
	require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"a", "b"}}))
	assert.EqualValues(t, 1, c.closed.Load())
}

// TestRegistriesThatShareAChecker has the two ways that the documentation of Check.Checker has: a registry of its own closes
// it though another one has it, unless the owner hides its Close.
func TestRegistriesThatShareAChecker(t *testing.T) {
	type noClose struct{ healthcheck.Checker } // as in the documentation
	c := newClosable(alwaysOK)
	first := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: noClose{c}})
	second := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: noClose{c}}, healthcheck.Check{Endpoint: "b", Checker: noClose{c}})
	require.NoError(t, first.Unregister("a"))
	require.NoError(t, second.Apply(healthcheck.Changes{Unregister: []string{"a", "b"}}))
	assert.Zero(t, c.closed.Load(), "the owner closes it")

	first = newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: c})
	second = newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: c})
	require.NoError(t, first.Unregister("a"))
	assert.EqualValues(t, 1, c.closed.Load(), "a registry knows of itself only")
	require.NoError(t, second.Unregister("a"))
	assert.EqualValues(t, 2, c.closed.Load())
}
