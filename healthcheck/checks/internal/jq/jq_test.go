package jq_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/jq"
)

const document = ` {"status":"UP","queue":{"depth":7,"text":"12.5"},"big":12345678901234567890123,"huge":1e999,"on":true,"list":[1,2],"none":null} `

func compile(t *testing.T, text string) *jq.Query {
	t.Helper()
	q, err := jq.Compile(text)
	require.NoError(t, err)
	return q
}

func parse(t *testing.T, text string) any {
	t.Helper()
	v, err := jq.Parse([]byte(text))
	require.NoError(t, err)
	return v
}

func TestHolds(t *testing.T) {
	doc := parse(t, document)
	for text, want := range map[string]string{
		`.status == "UP"`:                 "",
		`.queue.depth < 100`:              "",
		`.list[] > 0`:                     "",
		`.big == 12345678901234567890123`: "",
		`.on, halt`:                       "",
		`.list[] > 1`:                     "`.list[] > 1` is false, want true",
		`.status`:                         "`.status` is \"UP\", want true",
		`.none`:                           "`.none` is null, want true",
		`empty`:                           "`empty` has no answer, want true",
		`.status.deeper`:                  "`.status.deeper` fails: ",
		`$ENV | length == 0`:              "",
		`env | length == 0`:               "",
		`"x" * 500`:                       "`\"x\" * 500` is \"xxxxxxxxxxxxxxxxxxxx",
		`error("y" * 5000)`:               "fails: error: yyyyyyy",
	} {
		err := compile(t, text).Holds(t.Context(), doc)
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want)
		assert.Less(t, len(err.Error()), 200)
		assert.Equal(t, healthcheck.ReasonBody, healthcheck.ReasonOf(err))
	}
}

func TestNumber(t *testing.T) {
	doc := parse(t, document)
	for text, want := range map[string]float64{
		`.queue.depth`: 7, `.queue.text`: 12.5, `.big`: 12345678901234567890123, `.on`: 1, `.on | not`: 0, `.list | length`: 2, `.list | add / 2`: 1.5,
	} {
		n, err := compile(t, text).Number(t.Context(), doc)
		require.NoError(t, err, text)
		assert.InEpsilon(t, want+1, n+1, 1e-12, text)
	}
	for text, want := range map[string]string{
		`.status`: "is \"UP\", want a number", `.list`: "is [1,2], want a number", `.list[]`: "has several answers", `empty`: "has no answer",
		`.none`: "is null, want a number", `.huge`: "want a number", `nan`: "want a number", `"inf"`: "want a number",
	} {
		_, err := compile(t, text).Number(t.Context(), doc)
		require.ErrorContains(t, err, want, text)
	}
}

func TestText(t *testing.T) {
	doc := parse(t, document)
	for text, want := range map[string]string{`.status`: "UP", `.queue.depth`: "7", `.big`: "12345678901234567890123", `.list`: "[1,2]", `.on`: "true"} {
		got, err := compile(t, text).Text(t.Context(), doc)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := compile(t, `.none`).Text(t.Context(), doc)
	require.ErrorContains(t, err, "is null, want a text")
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`input`:              "not allowed",
		`.status ==`:         "unexpected EOF",
		`.a | frobnicate`:    "frobnicate/0",
		`.status == 'UP'`:    "before byte 12",
		`import "x" as x; .`: "\"x\"",
	} {
		_, err := jq.Compile(text)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
	}
	for text, want := range map[string]string{
		"": "it is empty", " ": "it is empty", "{": "it ends too early", "{} {}": "more after", "<html>": "invalid character", "\x00": "invalid character",
		strings.Repeat("[", 100_000): "exceeded max depth",
	} {
		_, err := jq.Parse([]byte(text))
		require.ErrorContains(t, err, "not JSON: ")
		require.ErrorContains(t, err, want)
		assert.Equal(t, healthcheck.ReasonBody, healthcheck.ReasonOf(err))
	}
}

// A query that never ends is over with the run.
func TestEndless(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := compile(t, `[limit(3; repeat(1))], last(range(1e18))`).Holds(ctx, nil)
	require.Error(t, err)
	err = compile(t, `last(range(1e18))`).Holds(ctx, nil)
	assert.Equal(t, healthcheck.ReasonTimeout, healthcheck.ReasonOf(err))
}

// Who has secrets to hide gets all that an error quotes; what package gojq has cut is not there.
func TestTold(t *testing.T) {
	long := strings.Repeat("0123456789", 50)
	doc := parse(t, `{"a":"`+long+`"}`)
	err := compile(t, ".a").Holds(t.Context(), doc)
	e, ok := errors.AsType[*jq.Error](err)
	require.True(t, ok)
	assert.Equal(t, "`.a` is <"+`"`+long+`"`+">, want true", e.Told(func(s string) string { return "<" + s + ">" }))
	for _, query := range []string{".a.b", ".a[]", ".a - 1", ".a | fromjson", ".a | index(1)", "[.a] | .b"} {
		err := compile(t, query).Holds(t.Context(), doc)
		require.ErrorContains(t, err, "` fails: ")
		assert.NotContains(t, err.Error(), "0123", query)
	}
}

// TestBounds: what a peer sends does not keep a query busy beyond its run, where that does not look at its context.
func TestBounds(t *testing.T) {
	start := time.Now()
	for _, long := range []string{strings.Repeat("9", 3<<20), "-" + strings.Repeat("9", 1000), "0." + strings.Repeat("0", 3<<20), "1" + strings.Repeat("0", 2000) + "e-1999"} {
		_, err := jq.Parse([]byte(`{"a":[` + long + `]}`))
		require.ErrorContains(t, err, "JSON with a number of more than 1000 digits, which is not read")
		assert.Equal(t, healthcheck.ReasonBody, healthcheck.ReasonOf(err))
	}
	digits := strings.Repeat("9", 1000)
	require.NoError(t, compile(t, ".a > 0").Holds(t.Context(), parse(t, `{"a":`+digits+`}`)))
	long := strings.Repeat("9", 3<<20)
	doc := parse(t, `{"a":{"b":["`+long+`"]},"short":"ab"}`)
	require.NoError(t, compile(t, `.short == "ab" and (.a.b[0] | test("9$"))`).Holds(t.Context(), doc))
	for _, query := range []string{`[.a.b[0] | scan("9")] | length > 0`, `.a.b[0] | gsub("9"; "8") | length > 0`, `[.a.b[] | splits("9")] | length > 0`, `.a.b[0] | tonumber > 0`} {
		err := compile(t, query).Holds(t.Context(), doc)
		require.ErrorContains(t, err, "is not asked: the document has a text of more than 16384 bytes")
		assert.Equal(t, healthcheck.ReasonBody, healthcheck.ReasonOf(err))
	}
	require.NoError(t, compile(t, `[.[0] | scan("9")] | length == 10000`).Holds(t.Context(), parse(t, `["`+long[:10000]+`"]`)))
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestByteOrderMark(t *testing.T) {
	require.NoError(t, compile(t, `.status == "UP"`).Holds(t.Context(), parse(t, "\ufeff{\"status\":\"UP\"}")))
	_, err := jq.Parse([]byte("\ufeff"))
	require.ErrorContains(t, err, "not JSON: it is empty")
}
