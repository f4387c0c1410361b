package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestCheckValidate(t *testing.T) {
	type check = healthcheck.Check
	for name, tc := range map[string]struct {
		check check
		want  []string
	}{
		"plain":               {check{Endpoint: "a", Func: alwaysOK}, nil},
		"everything":          {check{Endpoint: "ä b/c", Checker: checkerFunc(nil), Interval: time.Second, Timeout: time.Second, FailingInterval: 50 * time.Millisecond, Labels: map[string]string{"team": "", "_x1": "ü"}}, nil},
		"nothing":             {check{}, []string{"endpoint is empty", "exactly one of Func and Checker must be set"}},
		"both":                {check{Endpoint: "a", Func: alwaysOK, Checker: checkerFunc(nil)}, []string{"exactly one of Func and Checker must be set"}},
		"UTF-8":               {check{Endpoint: "a\xff", Func: alwaysOK, Labels: map[string]string{"a": "\xff"}}, []string{"endpoint is not valid UTF-8", "label a is not valid UTF-8"}},
		"durations":           {check{Endpoint: "a", Func: alwaysOK, Interval: -1, Timeout: -1, FailingInterval: 1, InitialDelay: -1}, []string{"interval -1ns is less than 50ms", "failing interval 1ns is less than 50ms", "timeout -1ns is negative", "initial delay -1ns is negative"}},
		"timeout":             {check{Endpoint: "a", Func: alwaysOK, Interval: time.Second, Timeout: time.Second + 1}, []string{"timeout 1.000000001s is longer than the interval 1s"}},
		"long interval":       {check{Endpoint: "a", Func: alwaysOK, Interval: math.MaxInt64}, []string{"is longer than 87600h0m0s"}},
		"long delay":          {check{Endpoint: "a", Func: alwaysOK, InitialDelay: math.MaxInt64}, []string{"is longer than 87600h0m0s"}},
		"long failing":        {check{Endpoint: "a", Func: alwaysOK, FailingInterval: math.MaxInt64}, []string{"is longer than 87600h0m0s"}},
		"thresholds":          {check{Endpoint: "a", Func: alwaysOK, FailureThreshold: -1, SuccessThreshold: -1}, []string{"thresholds must not be negative"}},
		"failure threshold":   {check{Endpoint: "a", Func: alwaysOK, FailureThreshold: -1}, []string{"thresholds must not be negative"}},
		"success threshold":   {check{Endpoint: "a", Func: alwaysOK, SuccessThreshold: -1}, []string{"thresholds must not be negative"}},
		"label names":         {check{Endpoint: "a", Func: alwaysOK, Labels: map[string]string{"1a": "", "a-b": "", "": "", "__a": "", "ä": ""}}, []string{`"1a"`, `"a-b"`, `""`, `"__a"`, `"ä"`}},
		"reserved label name": {check{Endpoint: "a", Func: alwaysOK, Labels: map[string]string{"check": "", "reason": "", "le": "", "job": ""}}, []string{`"check" is reserved`, `"reason" is reserved`, `"le" is reserved`, `"job" is reserved`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.check.Validate()
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Len(t, strings.Split(err.Error(), "\n"), len(tc.want), err)
			for _, want := range tc.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestReservedLabelsIsACopy(t *testing.T) {
	list := healthcheck.ReservedLabels()
	require.NotEmpty(t, list)
	list[0] = "changed"
	assert.NotContains(t, healthcheck.ReservedLabels(), "changed")
}

func TestTextsForPeopleAreMadeValid(t *testing.T) {
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Name: "n\xff", Kind: "k\xff", Target: "t\xff"})
	c := lookup(t, reg, "a").Check
	assert.Equal(t, []string{"n\uFFFD", "k\uFFFD", "t\uFFFD"}, []string{c.Name, c.Kind, c.Target})
}

func TestFail(t *testing.T) {
	assert.Equal(t, healthcheck.Result{}, healthcheck.Fail(nil))
	assert.False(t, healthcheck.Fail(nil).Failed())
	assert.Equal(t, healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonError, Details: "broken"}, healthcheck.Fail(errBroken))
	assert.Equal(t, healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonBody, Details: "x: broken"},
		healthcheck.Fail(healthcheck.Errorf(healthcheck.ReasonBody, "x: %w", errBroken)))
	assert.Equal(t, healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonAuth, Details: "broken"},
		healthcheck.CheckFunc(func(context.Context) error { return healthcheck.WithReason(healthcheck.ReasonAuth, errBroken) }).Check(t.Context()))
}

func TestFromStatus(t *testing.T) {
	c := healthcheck.FromStatus("name", func(name string) *healthcheck.Status {
		return &healthcheck.Status{Result: "WARN", Details: name}
	})
	assert.Equal(t, healthcheck.Result{Level: "WARN", Details: "name"}, c.Check(t.Context()))
}

func TestFieldError(t *testing.T) {
	err := healthcheck.FieldErrorf("expect.status[0]", "bad: %w", errBroken)
	assert.EqualError(t, err, "expect.status[0]: bad: broken")
	require.ErrorIs(t, err, errBroken)
	field, ok := errors.AsType[*healthcheck.FieldError](err)
	require.True(t, ok)
	assert.Equal(t, "expect.status[0]", field.Field)
	assert.EqualError(t, healthcheck.FieldErrorf("", "bad"), "bad")
}

func TestMeasure(t *testing.T) {
	m := healthcheck.NewMeasure("test_bytes", "Free bytes.", "volume")
	assert.Equal(t, []string{"test_bytes", "volume", "Free bytes."}, []string{m.Name(), m.LabelName(0), m.Help()})
	for name, f := range map[string]func(){
		"no name":   func() { healthcheck.NewMeasure("", "Help.") },
		"bad name":  func() { healthcheck.NewMeasure("a-b", "Help.") },
		"bad label": func() { healthcheck.NewMeasure("a", "Help.", "1") },
		"no help":   func() { healthcheck.NewMeasure("a", "") },
	} {
		assert.Panics(t, f, name)
	}
}

// recorded returns what is kept of a run's result.
func recorded(t *testing.T, res healthcheck.Result) *healthcheck.State {
	t.Helper()
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: checkerFunc(func(context.Context) healthcheck.Result { return res })})
	s, err := reg.RunCheck(t.Context(), "a")
	require.NoError(t, err)
	return &s
}

func TestValuesAreCleaned(t *testing.T) {
	one := healthcheck.NewMeasure("one", "One.")
	two := healthcheck.NewMeasure("two", "Two.", "of")
	alias := healthcheck.NewMeasure("two", "Another by the same name.", "of")
	type v = healthcheck.Value
	long := strings.Repeat("ü", 200)
	for name, tc := range map[string]struct{ in, want []v }{
		"none":                      {nil, nil},
		"good":                      {[]v{{one, "", 1}, {two, "a", math.Inf(1)}, {two, "b", -0.5}}, []v{{one, "", 1}, {two, "a", math.Inf(1)}, {two, "b", -0.5}}},
		"duplicate":                 {[]v{{one, "", 1}, {two, "a", 2}, {one, "", 3}, {two, "a", 4}, {alias, "a", 5}}, []v{{one, "", 1}, {two, "a", 2}}},
		"label where there is none": {[]v{{one, "a", 1}, {one, "b", 2}}, []v{{one, "", 1}}},
		"no measure":                {[]v{{nil, "a", 1}, {two, "a", 2}}, []v{{two, "a", 2}}},
		"invalid UTF-8":             {[]v{{two, "a\xff", 1}, {two, "a\xfe", 2}}, []v{{two, "a\uFFFD", 1}}},
		"long label":                {[]v{{two, long, 1}, {two, long + "x", 2}}, []v{{two, long[:256], 1}}},
		"cut at a rune":             {[]v{{two, "x" + long, 1}}, []v{{two, "x" + long[:254], 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range []healthcheck.StatusLevel{healthcheck.OK, healthcheck.FAIL} {
				in := append([]v(nil), tc.in...)
				assert.ElementsMatch(t, tc.want, recorded(t, healthcheck.Result{Level: level, Values: in}).Values(), "also of a failure")
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		var in []v
		for i := range 3000 {
			in = append(in, v{two, fmt.Sprint(i / 2), float64(i)})
		}
		const note = "more than 1000 values, the rest is dropped"
		assert.Equal(t, note, recorded(t, healthcheck.Result{Values: slices.Clone(in)}).Status().Details)
		assert.Empty(t, recorded(t, healthcheck.Result{Values: slices.Clone(in[:2000])}).Status().Details, "a thousand of them")
		long := recorded(t, healthcheck.Result{Level: healthcheck.FAIL, Details: strings.Repeat("ü", 5000), Values: slices.Clone(in)}).Status().Details
		assert.True(t, strings.HasSuffix(long, "ü; "+note), long[len(long)-60:])
		got := recorded(t, healthcheck.Result{Values: in}).Values()
		require.Len(t, got, 1000)
		for i, value := range got {
			assert.Equal(t, v{two, fmt.Sprint(i), float64(2 * i)}, value)
		}
	})
	t.Run("labels that grow when made valid", func(t *testing.T) {
		got := recorded(t, healthcheck.Result{Values: []v{{two, strings.Repeat("a\xff", 500), 1}}}).Values()
		require.Len(t, got, 1)
		assert.LessOrEqual(t, len(got[0].Label), 256)
		assert.True(t, utf8.ValidString(got[0].Label))
	})
}

func TestValuesAreThoseOfTheLastRun(t *testing.T) {
	one := healthcheck.NewMeasure("one", "One.")
	steps := &script{}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: steps})
	for _, values := range [][]healthcheck.Value{
		{{Measure: one, Value: 1}}, {{Measure: one, Value: 2}}, {{Measure: one, Value: 2}}, nil, {{Measure: one, Value: math.NaN()}},
	} {
		steps.then(healthcheck.Result{Values: values})
		s, err := reg.RunCheck(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, s.Values(), len(values))
		for i := range values {
			assert.Equal(t, math.Float64bits(values[i].Value), math.Float64bits(s.Values()[i].Value))
		}
	}
}

func TestDetailsAreBounded(t *testing.T) {
	for name, details := range map[string]string{
		"long":          strings.Repeat("x", 5000),
		"runes":         "x" + strings.Repeat("€", 5000),
		"binary":        strings.Repeat("a\xff", 5000),
		"continuations": strings.Repeat("\x80", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range []healthcheck.StatusLevel{healthcheck.OK, healthcheck.FAIL} {
				got := recorded(t, healthcheck.Result{Level: level, Details: details}).Status().Details
				assert.LessOrEqual(t, len(got), 4096)
				assert.True(t, utf8.ValidString(got))
				assert.NotContains(t, got, "\x00")
			}
		})
	}
	assert.Equal(t, strings.Repeat("x", 4096), recorded(t, healthcheck.Result{Details: strings.Repeat("x", 5000)}).Status().Details)
}

func TestReasonsOfResults(t *testing.T) {
	for _, tc := range []struct {
		in   healthcheck.Result
		want healthcheck.Reason
	}{
		{healthcheck.Result{Level: healthcheck.FAIL}, healthcheck.ReasonError},
		{healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonBody}, healthcheck.ReasonBody},
		{healthcheck.Result{Level: healthcheck.FAIL, Reason: 200}, healthcheck.ReasonError},
		{healthcheck.Result{Level: healthcheck.OK, Reason: healthcheck.ReasonBody}, healthcheck.ReasonNone},
		{healthcheck.Result{}, healthcheck.ReasonNone},
	} {
		s := recorded(t, tc.in)
		assert.Equal(t, tc.want, reasonOf(s))
		if tc.in.Failed() {
			assert.Equal(t, []healthcheck.ReasonCount{{Reason: tc.want, Count: 1}}, s.Failures())
		} else {
			assert.Empty(t, s.Failures())
		}
	}
}

func TestFailuresAreCountedByReason(t *testing.T) {
	steps := &script{}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: steps})
	var before []healthcheck.ReasonCount
	for i, reason := range []healthcheck.Reason{healthcheck.ReasonDNS, healthcheck.ReasonBody, healthcheck.ReasonDNS, healthcheck.ReasonDNS} {
		steps.then(healthcheck.Result{Level: healthcheck.FAIL, Reason: reason})
		reg.Run(t.Context())
		if i == 1 {
			before = lookup(t, reg, "a").Failures()
		}
	}
	assert.ElementsMatch(t, []healthcheck.ReasonCount{
		{Reason: healthcheck.ReasonDNS, Count: 3}, {Reason: healthcheck.ReasonBody, Count: 1},
	}, lookup(t, reg, "a").Failures())
	assert.ElementsMatch(t, []healthcheck.ReasonCount{
		{Reason: healthcheck.ReasonDNS, Count: 1}, {Reason: healthcheck.ReasonBody, Count: 1},
	}, before, "an older state keeps its numbers")
}
