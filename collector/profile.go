package collector

import (
	"fmt"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Profile is a choice among the metrics of a check. What a leaner one has, the others have too. Metrics that are not of one
// check are in all of them, and so is the histogram of [WithHistogram], which is there for who asks for it.
type Profile string

const (
	// ProfileLean is what the alerts need to say that a check is FAIL, why, that it is stale, that it uses up its error
	// budget, and that its certificate expires; and how long it took. That is six series, with a certificate seven, and one
	// more while the check is FAIL, one while it is in maintenance, and one for each check that blocks it.
	ProfileLean Profile = "lean"
	// ProfileDefault is what alerts and dashboards ask for by name, and all that kinds measure but what few will ask for.
	ProfileDefault Profile = "default"
	// ProfileFull is everything.
	ProfileFull Profile = "full"
)

// Profiles returns all profiles, the leanest first.
func Profiles() []Profile { return []Profile{ProfileLean, ProfileDefault, ProfileFull} }

// ParseProfile returns the profile of a name, or an error that lists the names.
func ParseProfile(name string) (Profile, error) {
	if p := Profile(name); slices.Contains(Profiles(), p) {
		return p, nil
	}
	return "", fmt.Errorf("metrics profile %q: want one of %q", name, Profiles())
}

// UnmarshalText takes the name of a profile, as [ParseProfile].
func (p *Profile) UnmarshalText(text []byte) (err error) {
	*p, err = ParseProfile(string(text))
	return err
}

// WithProfile sets the profile of the checks that do not name one in [healthcheck.Check.Metrics], or name one that there is
// not. Without it, or with one that there is not, that is the full one.
func WithProfile(p Profile) Option {
	return func(c *Collector) { c.profile = p.rank(full) }
}

// rank is the place of a profile among all. A family has that of the leanest profile that it is in.
type rank uint8

const (
	lean rank = iota
	standard
	full
)

// rank returns unknown for a profile that there is not.
func (p Profile) rank(unknown rank) rank {
	if i := slices.Index(Profiles(), p); i >= 0 {
		return rank(i)
	}
	return unknown
}

func (r rank) profile() Profile { return Profiles()[r] }

// Family describes a metric family of the collector.
type Family struct {
	Name string // of a counter with "_total"
	Type string // "gauge", "counter" or "histogram", as in TYPE lines
	Help string
	// PerCheck reports whether there are series for each check, with the label check and those of the check.
	PerCheck bool
	// Labels are the other labels of its series, sorted.
	Labels []string
	// Profile is the leanest that has it.
	Profile Profile
}

// Families returns every family that a collector can have: those of all checks, those of what kinds measure, sorted by name,
// the histogram of [WithHistogram], and those that are not of one check. Of the measures it has those of the kinds that are
// in the program. The caller owns the result.
func Families() []Family {
	var all []Family
	add := func(f *family) {
		kind := "gauge"
		if f.start != nil {
			kind = "counter"
		}
		all = append(all, Family{
			Name: f.name, Type: kind, Help: f.help, PerCheck: true, Labels: slices.Clone(f.labels), Profile: f.profile.profile(),
		})
	}
	for i := range checkFamilies {
		add(&checkFamilies[i])
	}
	for _, m := range healthcheck.Measures() {
		f := measureFamily(m)
		f.labels = m.Labels()
		add(&f)
	}
	all = append(all, Family{Name: durationsName, Type: "histogram", Help: durationsHelp, PerCheck: true, Profile: ProfileLean})
	for _, f := range wholeFamilies(&healthcheck.Snapshot{}) {
		all = append(all, describe(f))
	}
	return all
}

// describe describes a family that is not of one check.
func describe(f *dto.MetricFamily) Family {
	d := Family{Name: f.GetName(), Help: f.GetHelp(), Profile: ProfileLean}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		d.Type = "counter"
	case dto.MetricType_HISTOGRAM:
		d.Type = "histogram"
	default:
		d.Type = "gauge"
	}
	for _, l := range f.GetMetric()[0].GetLabel() {
		d.Labels = append(d.Labels, l.GetName())
	}
	return d
}
