package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPrint prints what a configuration amounts to, and for one check where it comes from.
func TestPrint(t *testing.T) {
	t.Parallel()
	file := writeConfig(t, "defaults: {interval: 20s}\nchecks:\n- endpoint: a\n  tcp: {address: 'localhost:1'}\n- endpoint: b\n  tcp: {address: 'localhost:2'}\n")
	got := call(t.Context(), "print", "--config.file="+file)
	assert.Equal(t, exitOK, got.code, got.stderr)
	assert.Contains(t, got.stdout, "- endpoint: a\n")
	assert.Contains(t, got.stdout, "- endpoint: b\n")

	got = call(t.Context(), "print", "--config.file="+file, "--endpoint=b")
	assert.Equal(t, exitOK, got.code, got.stderr)
	assert.NotContains(t, got.stdout, "endpoint: a")
	assert.Contains(t, got.stdout, "interval: 20s # defaults, "+file+":1\n")
	assert.Contains(t, got.stdout, "timeout: 10s # default\n")
	assert.Contains(t, got.stdout, "address: 'localhost:2' # "+file+":6\n")

	got = call(t.Context(), "print", "--config.file="+file, "--endpoint=c")
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stderr, `no check has the endpoint "c"`)
	got = call(t.Context(), "print", "--config.file="+writeConfig(t, "checks:\n- endpoint: a\n"))
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stderr, ":2: checks[0]: says not what to check")
}
