package certs

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Outlives returns nil if the certificates that a run has met are valid for at least so long from now on: values are those
// of the run, with [NotAfter] among them. Else, and where there was no certificate, it returns an error with the reason
// tls about what, such as "the certificate chain of db.example.org:5432". A minValidity of zero demands nothing.
func Outlives(values []healthcheck.Value, minValidity time.Duration, what string) error {
	if minValidity == 0 {
		return nil
	}
	var end time.Time
	for i := range values {
		if values[i].Measure != NotAfter {
			continue
		}
		if t := time.Unix(int64(values[i].Value), 0); end.IsZero() || t.Before(end) {
			end = t
		}
	}
	if end.IsZero() {
		return healthcheck.Errorf(healthcheck.ReasonTLS, "%s is not known, as TLS was not spoken: min_validity demands one", what)
	}
	return OutlivesUntil(end, minValidity, what)
}

// OutlivesUntil is Outlives for what is valid until end.
func OutlivesUntil(end time.Time, minValidity time.Duration, what string) error {
	if minValidity == 0 || time.Until(end) >= minValidity {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonTLS, "%s expires at %s, sooner than in %s", what, Date(end), model.Duration(minValidity))
}

// Date writes a time of a certificate for people, in UTC.
func Date(t time.Time) string { return t.UTC().Format(time.DateTime + " UTC") }
