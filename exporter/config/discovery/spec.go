package discovery

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Bounds of [Spec.MaxTargets].
const (
	DefaultMaxTargets = 10_000
	HighestMaxTargets = 1_000_000
)

// Spec is where the targets of one check come from.
type Spec struct {
	// Check tells specs apart, and is a label's value: the endpoint as it is written.
	Check string
	// Sources are those of all targets. Two that have the same target have it once.
	Sources []Config
	// Relabel are rules as those of Prometheus' [relabel_config]. Names are as in Prometheus 3: any UTF-8.
	//
	// [relabel_config]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
	Relabel []*relabel.Config
	// MaxTargets is [DefaultMaxTargets] if it is zero. Of more targets those stay that come first by address and labels.
	MaxTargets int
}

// Validate returns all mistakes, each a [healthcheck.FieldError] below the check, joined. It completes the rules, and
// has to be called before they are used.
func (s *Spec) Validate() error {
	var errs []error
	if len(s.Sources) == 0 {
		errs = append(errs, healthcheck.FieldErrorf("targets", "is empty: give a source of targets"))
	}
	for i := range s.Sources {
		errs = append(errs, below(fmt.Sprintf("targets[%d]", i), s.Sources[i].Validate()))
	}
	for i, rule := range s.Relabel {
		if rule == nil {
			errs = append(errs, healthcheck.FieldErrorf(fmt.Sprintf("relabel[%d]", i), "has no value; give it one, or remove it"))
			continue
		}
		errs = append(errs, below(fmt.Sprintf("relabel[%d]", i), rule.Validate(model.UTF8Validation)))
	}
	if s.MaxTargets < 0 || s.MaxTargets > HighestMaxTargets {
		errs = append(errs, healthcheck.FieldErrorf("max_targets", "%d is not between 1 and %d", s.MaxTargets, HighestMaxTargets))
	}
	return errors.Join(errs...)
}

func (s *Spec) maxTargets() int {
	if s.MaxTargets <= 0 {
		return DefaultMaxTargets
	}
	return s.MaxTargets
}

// Static returns the targets that are written out, relabelled, in their order and without those that are there already,
// so that they can be judged before anything runs. Their IDs are zero. The spec has to be valid.
func (s *Spec) Static() []Target {
	var found []Target
	seen := make(map[labels.Labels]bool)
	for i := range s.Sources {
		for _, t := range s.Sources[i].Static {
			l, ok := s.relabel(t.labels())
			if !ok || seen[l] {
				continue
			}
			seen[l] = true
			found = append(found, targetOf(l, i))
		}
	}
	return found
}

// relabel returns the labels that the rules leave, and false if they leave no target.
func (s *Spec) relabel(l labels.Labels) (labels.Labels, bool) {
	l, keep := relabel.Process(l, s.Relabel...)
	if !keep || l.Get(model.AddressLabel) == "" {
		return labels.EmptyLabels(), false
	}
	temporary := false
	l.Range(func(l labels.Label) { temporary = temporary || isTemporary(l.Name) })
	if !temporary {
		return l, true
	}
	b := labels.NewBuilder(l)
	l.Range(func(l labels.Label) {
		if isTemporary(l.Name) {
			b.Del(l.Name)
		}
	})
	return b.Labels(), true
}

// isTemporary reports whether a label is there for relabelling only.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, model.MetaLabelPrefix) || strings.HasPrefix(name, model.TmpLabelPrefix)
}

// targetOf makes a target of what relabelling has left.
func targetOf(l labels.Labels, source int) Target {
	t := Target{Labels: make(map[string]string, l.Len()-1), Source: source}
	l.Range(func(l labels.Label) {
		if l.Name == model.AddressLabel {
			t.Address = l.Value
			return
		}
		t.Labels[l.Name] = l.Value
	})
	return t
}

// sameRules reports whether two lists of rules do the same.
func sameRules(a, b []*relabel.Config) bool {
	return slices.EqualFunc(a, b, func(x, y *relabel.Config) bool {
		return slices.Equal(x.SourceLabels, y.SourceLabels) && x.Separator == y.Separator && x.Regex.String() == y.Regex.String() &&
			x.Modulus == y.Modulus && x.TargetLabel == y.TargetLabel && x.Replacement == y.Replacement && x.Action == y.Action
	})
}
