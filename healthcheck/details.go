package healthcheck

// Bounds on the details of one run, in bytes, so that a peer whose answer stands in them cannot fill our memory. The
// agent SDK has none. A [CheckStatus] is the code of a program that was written for it, and /status shows its words
// whole as far as that can be afforded; all others have the lower bound.
const (
	maxDetails       = 4 << 10
	maxStatusDetails = 64 << 10
	// maxLongDetails is what the long details of a registry's checks may come to, twice: of the last good run and of the
	// last failure. It fits into what GetHealthcheckOutput reads. It gives each of 128 checks, more than an agent has,
	// the upper bound, and from 2,048 checks on leaves the lower one.
	maxLongDetails = 8 << 20
)

// detailsBound returns how long the details of res may be. It takes r.mu.
func (r *Registry) detailsBound(res *Result) int {
	if !res.fromStatus || len(res.Details) <= maxDetails {
		return maxDetails
	}
	r.mu.Lock()
	checks := len(r.entries)
	r.mu.Unlock()
	return min(max(maxLongDetails/max(checks, 1), maxDetails), maxStatusDetails)
}

// Bounds on the words of the history: of sixteen runs of each check. Those of the last one are not counted, as the state has
// them as well. All others of a registry, together, are kept whole up to plentyOfHistory bytes. Beyond it a check that fails
// once more keeps only the beginning of each, and beyond twice as much nothing: what happened, when and for what reason is in
// the history all the same.
const (
	plentyOfHistory = 32 << 20
	shortDetails    = 120
)

// brief returns details as they go to the log and to observers, and to the history.
func brief(details string) string {
	if len(details) <= maxDetails {
		return details
	}
	return cut(details, maxDetails)
}
