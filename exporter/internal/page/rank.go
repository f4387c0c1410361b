package page

import (
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// rank orders the checks of the page.
type rank int

const (
	rankFail      rank = iota
	rankQuietFail      // blocked by another check, or in maintenance: not where to look first
	rankOptionalFail
	rankUnknown
	rankUnsettled // OK after thresholds, but not in its last run
	rankBlocked   // OK, while a check that it depends on is FAIL
	rankOK
	numRanks
)

func rankOf(s *healthcheck.State) rank {
	switch {
	case s.Failing() && s.Check.Optional:
		return rankOptionalFail
	case s.Failing() && (len(s.BlockedBy()) > 0 || s.InMaintenance()):
		return rankQuietFail
	case s.Failing():
		return rankFail
	case !s.Decided():
		return rankUnknown
	case s.LastRunFailed() || s.Stuck():
		return rankUnsettled
	case len(s.BlockedBy()) > 0:
		return rankBlocked
	}
	return rankOK
}

// state returns the value of the query parameter that selects checks of a rank.
func (r rank) state() string {
	switch r {
	case rankFail, rankQuietFail, rankOptionalFail:
		return stateFail
	case rankUnknown:
		return stateUnknown
	default:
		return stateOK
	}
}

// selection is the checks that a query asks for, in the order of the page.
type selection struct {
	counts [numRanks]int // of all checks
	chosen [numRanks]int // of those asked for
	order  []int         // indices of the snapshot's states
}

// choose takes one pass, and no sorting: the states come sorted by endpoint.
func choose(states []healthcheck.State, q query) selection {
	var sel selection
	var chosen [numRanks][]int
	search := strings.ToLower(q.Search)
	for i := range states {
		r := rankOf(&states[i])
		sel.counts[r]++
		if (q.State == "" || q.State == r.state()) && matches(&states[i], search) {
			chosen[r] = append(chosen[r], i)
		}
	}
	for r := range chosen {
		sel.chosen[r] = len(chosen[r])
	}
	sel.order = slices.Concat(chosen[:]...)
	return sel
}

// matches reports whether a check has a text, which is in lower case, in what tells it apart or says what is wrong.
func matches(s *healthcheck.State, text string) bool {
	if text == "" {
		return true
	}
	c := s.Check
	has := func(field string) bool { return strings.Contains(strings.ToLower(field), text) }
	if has(c.Endpoint) || has(c.Name) || has(c.Kind) || has(c.Target) {
		return true
	}
	for name, value := range c.Labels {
		if has(name + "=" + value) {
			return true
		}
	}
	if slices.ContainsFunc(marks(s), has) {
		return true
	}
	if !s.Failing() && !s.LastRunFailed() {
		return has(s.Status().Details)
	}
	reason, details := s.LastFailure()
	return has(reason.String()) || has(details)
}

// marks returns the words of the tags that the page puts beside a state.
func marks(s *healthcheck.State) []string {
	var words []string
	for _, m := range []struct {
		on   bool
		word string
	}{
		{s.Check.Optional, "optional"},
		{len(s.BlockedBy()) > 0, "blocked"},
		{s.InMaintenance(), "maintenance"},
		{s.Stuck(), "stuck"},
	} {
		if m.on {
			words = append(words, m.word)
		}
	}
	return words
}
