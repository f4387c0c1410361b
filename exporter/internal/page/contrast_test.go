package page

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// luminance is the relative luminance of WCAG 2.2 of a color as "fff" or "ffffff".
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	if len(color) == 3 {
		color = string([]byte{color[0], color[0], color[1], color[1], color[2], color[2]})
	}
	rgb, err := strconv.ParseUint(color, 16, 24)
	require.NoError(t, err)
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}

// WCAG 2.2, 1.4.3: text that is not large has a contrast of at least 4.5 to what is behind it, in both themes.
func TestPageContrast(t *testing.T) {
	const white = "fff"
	found := themes.FindAllStringSubmatch(document, -1)
	require.Len(t, found, 2, "light, dark")
	colors := make(map[string]string)
	for _, theme := range found {
		for _, m := range variable.FindAllStringSubmatch(theme[1], -1) {
			colors[m[1]] = m[2] // the dark theme changes the light one
		}
		for _, pair := range [][2]string{
			{"ok", "ok-bg"}, {"unknown", "unknown-bg"}, {"warn", "warn-bg"}, {"fail", "fail-bg"}, // pills, the overall level
			{white, "fail-line"}, // the pill FAIL
			{"text", "bg"}, {"text", "card"}, {"text", "soft"}, {"text", "ok-bg"}, {"text", "fail-bg"},
			{"muted", "bg"}, {"muted", "card"}, {"muted", "soft"}, {"muted", "ok-bg"}, {"muted", "fail-bg"},
			{"link", "bg"}, {"link", "card"}, {"link", "ok-bg"}, {"link", "fail-bg"},
			{"ok", "card"}, {"fail", "card"}, {"warn", "card"}, {"warn", "bg"}, {"unknown", "card"},
		} {
			front, back := colors[pair[0]], colors[pair[1]]
			if pair[0] == white {
				front = white
			}
			a, b := luminance(t, front), luminance(t, back)
			contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05)
			assert.GreaterOrEqual(t, contrast, 4.5, "%s on %s", pair[0], pair[1])
		}
	}
}
