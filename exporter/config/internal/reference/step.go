package reference

import (
	"slices"
	"strings"
)

// OfSteps reports whether the text has references to steps of its check, ${step.NAME}, which are the business of the
// kind.
func (t *Text) OfSteps() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.step })
}

// Template returns the value for who knows references to steps. What looks like one in what another reference stands
// for, or was written with "$${", stands for itself: it has a "$" in front.
func (t *Text) Template() string {
	if t.parts == nil {
		return escapeSteps.Replace(t.Value)
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.step {
			b.WriteString(p.raw)
		} else {
			b.WriteString(escapeSteps.Replace(p.text))
		}
	}
	return b.String()
}

var escapeSteps = strings.NewReplacer("${"+stepReference, "$${"+stepReference)
