package dnscheck

import (
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// What a run measures, as far as it got.
var (
	answers = healthcheck.NewMeasure("dns_answers", "Number of records of the asked type in the answer of the last run.")

	rcode = healthcheck.NewMeasure("dns_rcode", "Response code (RFC 1035, RFC 6895) of the DNS server in the last run: 0 is NOERROR, 3 is NXDOMAIN.")

	soaSerial = healthcheck.NewMeasure("dns_soa_serial", "Serial number of the zone in the SOA record of the last run.")

	ttl = healthcheck.NewMeasure("dns_answer_ttl_seconds", "Shortest time to live of the records of the asked type in the answers of the last run.")

	signatureExpiry = healthcheck.NewMeasure("dns_signature_expiry_timestamp_seconds", "When the first of the DNSSEC signatures in the answers of the last run expires.")

	serialDifference = healthcheck.NewMeasure("dns_soa_serial_difference", "How far apart the serial numbers of the zone are at the servers in the last run (RFC 1982).")
)

// What a run measures of each of several servers. The label is their text in the configuration.
var (
	serverDuration = healthcheck.NewMeasure("dns_server_duration_seconds", "How long the DNS server took to answer in the last run, with the connection to it, or to fail.", "server")

	serverSuccess = healthcheck.NewMeasure("dns_server_success", "Whether the DNS server gave the expected answer in the last run.", "server")

	serverRcode = healthcheck.NewMeasure("dns_server_rcode", "Response code (RFC 1035, RFC 6895) of one of several DNS servers in the last run.", "server")

	serverAnswers = healthcheck.NewMeasure("dns_server_answers", "Number of records of the asked type in the answer of one of several DNS servers in the last run.", "server")

	serverSerial = healthcheck.NewMeasure("dns_server_soa_serial", "Serial number of the zone in the SOA record of one of several DNS servers in the last run.", "server")
)

// values returns what was measured. What concerns all servers has one value: the earliest, the shortest.
func (c *checker) values(outcomes []outcome) (values []healthcheck.Value) {
	var expiry time.Time
	for i := range outcomes {
		o := &outcomes[i]
		values = merge(values, o.tls)
		if len(outcomes) > 1 {
			values = o.appendServer(values)
		} else if o.answer != nil {
			values = c.appendAnswer(values, o.answer)
		}
		if o.answer != nil && len(c.servers) > 0 {
			values = merge(values, o.answer.appendTTL(nil))
		}
		if !o.expiry.IsZero() && (expiry.IsZero() || o.expiry.Before(expiry)) {
			expiry = o.expiry
		}
	}
	if !expiry.IsZero() {
		values = append(values, signatureExpiry.Value(float64(expiry.Unix())))
	}
	if serials, _ := serialsOf(outcomes); c.expect.sameSerial && len(serials) > 1 {
		values = append(values, serialDifference.Value(float64(difference(serials))))
	}
	return values
}

func (c *checker) appendAnswer(values []healthcheck.Value, a *answer) []healthcheck.Value {
	values = append(values, answers.Value(float64(len(a.records))))
	if len(c.servers) > 0 {
		values = append(values, rcode.Value(float64(a.rcode)))
	}
	if a.hasSOA {
		values = append(values, soaSerial.Value(float64(a.serial)))
	}
	return values
}

func (o *outcome) appendServer(values []healthcheck.Value) []healthcheck.Value {
	success := 0.0
	if o.err == nil {
		success = 1
	}
	values = append(values, serverDuration.Value(o.took.Seconds(), o.server), serverSuccess.Value(success, o.server))
	a := o.answer
	if a == nil {
		return values
	}
	values = append(values, serverRcode.Value(float64(a.rcode), o.server), serverAnswers.Value(float64(len(a.records)), o.server))
	if a.hasSOA {
		values = append(values, serverSerial.Value(float64(a.serial), o.server))
	}
	return values
}

func (a *answer) appendTTL(values []healthcheck.Value) []healthcheck.Value {
	if len(a.records) == 0 {
		return values
	}
	shortest := a.records[0].ttl
	for _, r := range a.records {
		shortest = min(shortest, r.ttl)
	}
	return append(values, ttl.Value(float64(shortest)))
}

// merge adds more to values. Of what is there already, the lower value stays: a certificate that ends earlier, or one
// that was not verified.
func merge(values, more []healthcheck.Value) []healthcheck.Value {
	for _, v := range more {
		i := slices.IndexFunc(values, func(w healthcheck.Value) bool { return w.Measure == v.Measure && w.Label == v.Label })
		if i < 0 {
			values = append(values, v)
			continue
		}
		values[i].Value = min(values[i].Value, v.Value)
	}
	return values
}
