package field_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

func TestMistakes(t *testing.T) {
	for want, check := range map[string]func(m *field.Mistakes){
		"": func(m *field.Mistakes) {
			m.Check("a", nil)
			m.Required("a", "x", "give it")
			m.NotNegative("a", 0)
			field.Between(m, "a", 1, 1, 1)
			field.Between(m, "a", time.Second, 0, time.Minute)
			m.OneOf("a", "", "x", "y")
			m.OneOf("a", "y", "x", "y")
			m.Exclusive("a", field.Given{Field: "b", Set: true}, field.Given{Field: "c"})
			m.Pattern("a", "")
			m.Pattern("a", "^x$")
			m.Patterns("a", nil)
			m.Line("a", "größer than")
			m.NoNUL("a", "x\n")
		},
		"odd":                                func(m *field.Mistakes) { m.Add("", "%s", "odd") },
		"a: unsupported operation":           func(m *field.Mistakes) { m.Check("a", errors.ErrUnsupported) },
		"a: is missing: give it":             func(m *field.Mistakes) { assert.False(t, m.Required("a", "", "give it")) },
		"a: -1s is negative":                 func(m *field.Mistakes) { m.NotNegative("a", -time.Second) },
		"a: 0 is not between 1 and 9":        func(m *field.Mistakes) { field.Between(m, "a", 0, 1, 9) },
		"a: 2m0s is not between 0s and 1m0s": func(m *field.Mistakes) { field.Between(m, "a", 2*time.Minute, 0, time.Minute) },
		`a: "z" is not one of x, y`:          func(m *field.Mistakes) { assert.Equal(t, "x", m.OneOf("a", "z", "x", "y")) },
		"has keys in b and d: leave only one of them": func(m *field.Mistakes) {
			m.Exclusive("keys", field.Given{Field: "b", Set: true}, field.Given{Field: "c"}, field.Given{Field: "d", Set: true})
		},
		"a: is for b\nac: is for b": func(m *field.Mistakes) {
			m.Unused("is for b", field.Given{Field: "a", Set: true}, field.Given{Field: "ab"}, field.Given{Field: "ac", Set: true})
		},
		"a: error parsing regexp: missing closing ): `(`": func(m *field.Mistakes) { assert.Nil(t, m.Pattern("a", "(")) },
		"a[1]: error parsing regexp: missing closing ): `(`": func(m *field.Mistakes) {
			assert.Len(t, m.Patterns("a", []string{"x", "(", ""}), 2)
		},
		"a: holds a line break or another character that cannot be printed": func(m *field.Mistakes) { m.Line("a", "x\r\ny") },
		"a: is not valid UTF-8": func(m *field.Mistakes) { m.Line("a", "\xff") },
		"a: holds a NUL byte":   func(m *field.Mistakes) { m.NoNUL("a", "x\x00") },
	} {
		var m field.Mistakes
		check(&m)
		if want == "" {
			require.NoError(t, m.Err())
			continue
		}
		require.EqualError(t, m.Err(), want)
		for _, err := range m.Err().(interface{ Unwrap() []error }).Unwrap() {
			e, ok := errors.AsType[*healthcheck.FieldError](err)
			require.True(t, ok)
			assert.True(t, e.Field == "" || strings.HasPrefix(e.Field, "a"))
		}
	}
	var m field.Mistakes
	m.Check("a", errors.ErrUnsupported)
	assert.ErrorIs(t, m.Err(), errors.ErrUnsupported)
}

func TestWithin(t *testing.T) {
	var all, part field.Mistakes
	part.Add("name", "is missing")
	part.Add("", "is wrong as a whole")
	all.Within("steps[1]", &part)
	require.EqualError(t, all.Err(), "steps[1].name: is missing\nsteps[1]: is wrong as a whole")
}
