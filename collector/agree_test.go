package collector_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestManyLabelsAgree has more labels, and longer ones, than those whose places are kept: before, between and after those
// of the families.
func TestManyLabelsAgree(t *testing.T) {
	reg := &healthcheck.Registry{}
	register := func(endpoint string, labels map[string]string, result healthcheck.Result, on ...string) {
		require.NoError(t, reg.Register(healthcheck.Check{
			Endpoint: endpoint, Kind: "http", Target: "https://example.org", Labels: labels, DependsOn: on, Interval: time.Minute,
			Checker: checkerFunc(func(context.Context) healthcheck.Result {
				own := result
				own.Values = slices.Clone(result.Values) // the runner takes them
				return own
			}),
		}))
	}
	many := make(map[string]string)
	for _, at := range []string{"a", "k", "n", "p", "r", "t", "z"} {
		for _, n := range []string{"1", "2", "3"} {
			many[at+n] = "value of " + at
		}
	}
	more := make(map[string]string) // than fit in what is made at once
	for i := range 300 {
		more[fmt.Sprint("label", i)] = "x"
	}
	fails := healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.ReasonBody}
	value := healthcheck.Result{Values: []healthcheck.Value{{Measure: measureLabel, Label: "x", Value: 1}}}
	register("many", many, value, "long")
	register("many-failing", many, fails, "long")
	register("long", map[string]string{"a": strings.Repeat("long ", 20_000), "team": "payments"}, fails)
	register("more", more, fails, "long")
	register("none", nil, value, "long")
	reg.Run(t.Context())
	agree(t, reg)
}

// TestOddHelpAgrees has a text that is escaped in another way than values of labels are.
func TestOddHelpAgrees(t *testing.T) {
	measure := healthcheck.NewMeasure("test_odd", "A \"quoted\" text, a back\\slash,\nanother line.")
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Checker: checkerFunc(func(context.Context) healthcheck.Result {
		return healthcheck.Result{Values: []healthcheck.Value{{Measure: measure, Value: 1}}}
	})}))
	reg.Run(t.Context())
	agree(t, reg)
}

// TestSeveralLabelsAgree has measures with two and three labels of their own: before, between and after those of checks.
func TestSeveralLabelsAgree(t *testing.T) {
	two := healthcheck.NewMeasure("test_two", "Two.", "aa", "zz")
	three := healthcheck.NewMeasure("test_three", "Three.", "bb", "cc", "mm")
	reg := &healthcheck.Registry{}
	for endpoint, labels := range map[string]map[string]string{"a": {"c": "1", "ca": "2", "d": "3"}, "b": {"zzz": "x"}, "c": nil} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Labels: labels, Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Values: []healthcheck.Value{
				two.Value(1, "x", "y"), two.Value(2, "x", "z\n\"quoted\""), two.Value(3, "", "y"), two.Value(4, "", ""),
				three.Value(5, "b", "c", "m"), three.Value(6, "b", "c", "\xff"), three.Value(7, "only"),
			}}
		})}))
	}
	_, err := reg.Run(t.Context())
	require.NoError(t, err)
	agree(t, reg)
	body := string(get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptText, ""))
	for _, line := range []string{
		`healthcheck_test_two{aa="x",check="b",zz="y",zzz="x"} 1`,
		`healthcheck_test_two{aa="x",check="c",zz="z\n\"quoted\""} 2`,
		`healthcheck_test_three{bb="b",c="1",ca="2",cc="c",check="a",d="3",mm="m"} 5`,
		`healthcheck_test_three{bb="b",cc="c",check="c",mm="\uFFFD"} 6`,
	} {
		assert.Contains(t, body, strings.ReplaceAll(line, `\uFFFD`, "\uFFFD")+"\n")
	}
}

// TestChecksByStatus has a different number of checks in each state.
func TestChecksByStatus(t *testing.T) {
	reg := &healthcheck.Registry{}
	for i := range 6 {
		level := healthcheck.OK
		if i < 2 {
			level = healthcheck.FAIL
		}
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: fmt.Sprint("c", i), Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Level: level}
		})}))
	}
	reg.Run(t.Context())
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "never", Func: func(context.Context) error { return nil }}))
	body := string(get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptText, ""))
	for _, line := range []string{`healthcheck_checks{status="ok"} 4`, `healthcheck_checks{status="fail"} 2`, `healthcheck_checks{status="unknown"} 1`} {
		assert.Contains(t, body, line+"\n")
	}
}

// TestMeasuresOfAnotherCheck has checks that begin with the same measure, of which one goes on with another.
func TestMeasuresOfAnotherCheck(t *testing.T) {
	reg := &healthcheck.Registry{}
	plain, part := healthcheck.Value{Measure: measurePlain, Value: 1}, healthcheck.Value{Measure: measureLabel, Label: "x", Value: 2}
	for endpoint, values := range map[string][]healthcheck.Value{"a": {plain}, "b": {plain, part}, "c": nil} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Values: values}
		})}))
	}
	reg.Run(t.Context())
	body := string(get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptText, ""))
	for _, line := range []string{
		`healthcheck_test_ratio{check="a"} 1`, `healthcheck_test_ratio{check="b"} 1`, `healthcheck_test_part_bytes{check="b",part="x"} 2`,
	} {
		assert.Contains(t, body, line+"\n")
	}
}
