package dnscheck

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/parallel"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

type checker struct {
	target      string
	resolver    *net.Resolver
	servers     []server // none for the system's resolver
	protocol    string
	network     string        // "4" or "6" for one family of addresses
	tls         *certs.Source // of protocol tls
	lookups     []lookup      // one, or two for any address
	nsid        bool
	dnssec      dnssec
	minValidity time.Duration
	maxLatency  time.Duration
	expect      expectation
	secrets     *secret.Set // nil: there are none
}

// outcome is what came of one server, or of the system's resolver.
type outcome struct {
	server string
	answer *answer // nil where there is none
	tls    []healthcheck.Value
	took   time.Duration // until there was an answer, or none
	expiry time.Time     // when the first of the signatures expires; zero where there are none
	err    error
}

// Check resolves the name and compares the answer.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	outcomes := c.ask(ctx)
	err := c.failure(outcomes)
	if err == nil && c.expect.sameSerial {
		err = c.expect.verifySerials(outcomes)
	}
	result := c.secrets.Fail(err)
	if err != nil {
		result.Details = c.target + ": " + result.Details
	}
	if told := c.names(outcomes); c.nsid && told != "" {
		result.Details = strings.TrimPrefix(result.Details+"; "+told, "; ")
	}
	result.Values = c.values(outcomes)
	return result
}

// ask returns what comes of all servers, which are asked at the same time: there are [maxServers] at most.
func (c *checker) ask(ctx context.Context) []outcome {
	if len(c.servers) == 0 {
		a, err := c.askSystem(ctx)
		if err == nil {
			err = c.expect.verify(a)
		}
		return []outcome{{answer: a, err: err}}
	}
	outcomes := make([]outcome, len(c.servers))
	parallel.Do(len(c.servers), func(i int) { outcomes[i] = c.askServer(ctx, &c.servers[i]) })
	return outcomes
}

// askServer sends all lookups to the server, one after the other.
func (c *checker) askServer(ctx context.Context, srv *server) (o outcome) {
	o.server = srv.text
	start := time.Now()
	s, err := c.open(ctx, srv)
	defer func() {
		o.tls = s.values()
		_ = s.Close()
	}()
	all := new(answer)
	for i := 0; i < len(c.lookups) && err == nil; i++ {
		l := &c.lookups[i]
		m, queryErr := s.query(ctx, l)
		if err = queryErr; err == nil {
			all.add(answerOf(m, l.question))
		}
	}
	if o.took = time.Since(start); err != nil {
		o.err = err
		return o
	}
	o.answer = all
	if c.dnssec.signatures {
		o.expiry = firstExpiry(all.responses, time.Now())
	}
	if o.err = c.expect.verify(all); o.err == nil {
		o.err = c.dnssec.verifyResponses(ctx, s, c.lookups, all.responses)
	}
	if o.err == nil {
		o.err = peer.InTime(o.took, c.maxLatency)
	}
	if o.err == nil {
		o.err = certs.Outlives(s.values(), c.minValidity, "the certificate chain")
	}
	return o
}

const maxTold = 3 // of several things that failed

// failure returns why the run fails, with the reason of the first server that does. Of several, each is named.
func (c *checker) failure(outcomes []outcome) error {
	if len(outcomes) == 1 {
		return outcomes[0].err
	}
	var texts []string
	var reason healthcheck.Reason
	failed := 0
	for i := range outcomes {
		o := &outcomes[i]
		if o.err == nil {
			continue
		}
		if failed++; failed == 1 {
			reason = healthcheck.ReasonOf(o.err)
		}
		if failed <= maxTold {
			texts = append(texts, "server "+o.server+": "+o.err.Error())
		}
	}
	switch {
	case failed == 0:
		return nil
	case failed > maxTold:
		texts = append(texts, fmt.Sprintf("%d servers more fail", failed-maxTold))
	}
	return healthcheck.Errorf(reason, "%s", strings.Join(texts, "; "))
}

// names returns how the servers name themselves.
func (c *checker) names(outcomes []outcome) string {
	const limit = 64
	var texts []string
	for i := range outcomes {
		o := &outcomes[i]
		if o.answer == nil {
			continue
		}
		text := "no nsid"
		for _, m := range o.answer.responses {
			if id, ok := nsidOf(m); ok {
				text = "nsid " + c.secrets.Excerpt([]byte(id), limit)
			}
		}
		if len(outcomes) > 1 {
			text = o.server + ": " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
