package secret_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// FuzzHide holds that no value of four bytes is shown, in no spelling and whatever is around it, and that excerpts are
// what they promise to be.
func FuzzHide(f *testing.F) {
	for i, v := range values {
		f.Add(v, "said ", " again", uint8(i))
		f.Add(v, `\`, `%`, uint8(i))
		f.Add(v, v, v, uint8(i))
	}
	names := slices.Sorted(maps.Keys(encoders))
	f.Fuzz(func(t *testing.T, value, before, after string, which uint8) {
		if len(strings.TrimSpace(value)) < secret.MinLength || len(value) > 1000 || strings.Contains(value, secret.Mark) {
			return
		}
		s := secret.New()
		s.Add(value)
		encoded := encoders[names[int(which)%len(names)]](value)
		text := before + encoded + after
		hidden := s.Hide(text)
		assert.NotContains(t, hidden, value)
		assert.NotContains(t, hidden, encoded)
		assert.Contains(t, hidden, secret.Mark)
		s.HideQuoted(text, 1)
		for _, limit := range []int{0, 1, 50, 5000} {
			got := s.Excerpt([]byte(text), limit)
			assert.LessOrEqual(t, len(got), limit+len(secret.Mark))
			assert.True(t, utf8.ValidString(got))
			assert.NotContains(t, got, "\n")
			if !strings.ContainsAny(value, "? ") { // which excerpts themselves put in the place of something else
				assert.NotContains(t, got, value)
			}
		}
	})
}

func BenchmarkExcerpt(b *testing.B) {
	answer := []byte(strings.Repeat(`{"status":"DOWN","took=":"30%","detail":"the \"database\" does not answer & waits"}`, 200))
	for name, count := range map[string]int{"nothing to hide": 0, "one": 1, "ten": 10} {
		b.Run(name, func(b *testing.B) {
			s := secret.New()
			for i := range count {
				s.Add("correct-horse-battery-staple-" + string(rune('a'+i)))
			}
			for b.Loop() {
				s.Excerpt(answer, 200)
			}
		})
	}
}
