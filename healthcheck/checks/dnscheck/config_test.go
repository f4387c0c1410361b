package dnscheck_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestNewReportsEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		what   string
		config dnscheck.Config
		fields string
	}{
		{"nothing", dnscheck.Config{}, "name"},
		{"empty label", dnscheck.Config{Name: "a..b"}, "name"},
		{"space", dnscheck.Config{Name: "a b"}, "name"},
		{"label too long", dnscheck.Config{Name: strings.Repeat("a", 64)}, "name"},
		{"name too long", dnscheck.Config{Name: strings.Repeat("a.", 130)}, "name"},
		{"no name in any script", dnscheck.Config{Name: strings.Repeat("ü", 100)}, "name"},
		{"hidden characters", dnscheck.Config{Name: "a\u202eb.example"}, "name"},
		{"address", dnscheck.Config{Name: "192.0.2.1"}, "name"},
		{"PTR of a name from the system", dnscheck.Config{Name: "example.org", Type: "PTR"}, "name"},
		{"unknown type", dnscheck.Config{Name: "a", Type: "HINFO"}, "type"},
		{"type the system does not have", dnscheck.Config{Name: "a", Type: "soa"}, "type"},
		{"unknown protocol", dnscheck.Config{Name: "a", Server: "::1", Protocol: "doh"}, "protocol"},
		{"protocol without server", dnscheck.Config{Name: "a", Protocol: "tcp"}, "protocol"},
		{"recursion without server", dnscheck.Config{Name: "a", RecursionDesired: new(true)}, "recursion_desired"},
		{"server as URL", dnscheck.Config{Name: "a", Server: "udp://user:hunter2@192.0.2.1:53"}, "server"},
		{"server with password", dnscheck.Config{Name: "a", Server: "user:hunter2@ns.example.org"}, "server"},
		{"server without host", dnscheck.Config{Name: "a", Server: ":53"}, "server"},
		{"port 0", dnscheck.Config{Name: "a", Server: "[::1]:0"}, "server"},
		{"half a bracket", dnscheck.Config{Name: "a", Server: "::1]"}, "server"},
		{"port too big", dnscheck.Config{Name: "a", Server: "[::1]:65536"}, "server"},
		{"port of letters", dnscheck.Config{Name: "a", Server: "ns:domain"}, "server"},
		{"TLS settings for udp", dnscheck.Config{Name: "a", Server: "::1", TLSConfig: &config.TLSConfig{}}, "tls_config"},
		{"no CA file", dnscheck.Config{Name: "a", Server: "::1", Protocol: "tls", TLSConfig: &config.TLSConfig{CAFile: "nosuch.pem"}}, "tls_config"},
		{"rcode", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{Rcode: "OKAY"}}, "expect.rcode"},
		{"rcode the system does not tell", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{Rcode: "REFUSED"}}, "expect.rcode"},
		{"min_answers", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{MinAnswers: new(-1)}}, "expect.min_answers"},
		{"matches", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{Matches: []string{"a", "("}}}, "expect.matches[1]"},
		{"not_matches", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{NotMatches: []string{"("}}}, "expect.not_matches[0]"},
		{
			"answers and contains",
			dnscheck.Config{Name: "a", Expect: dnscheck.Expect{Answers: []string{"::1"}, Contains: []string{"::1"}}},
			"expect.contains",
		},
		{"not an address", dnscheck.Config{Name: "a", Expect: dnscheck.Expect{Answers: []string{"::1", "b"}}}, "expect.answers[1]"},
		{"wrong family", dnscheck.Config{Name: "a", Type: "A", Expect: dnscheck.Expect{Answers: []string{"::1"}}}, "expect.answers[0]"},
		{"wrong family", dnscheck.Config{Name: "a", Type: "AAAA", Expect: dnscheck.Expect{Answers: []string{"192.0.2.1"}}}, "expect.answers[0]"},
		{"MX without priority", dnscheck.Config{Name: "a", Type: "MX", Expect: dnscheck.Expect{Contains: []string{"10 a", "a"}}}, "expect.contains[1]"},
		{"empty", dnscheck.Config{Name: "a", Type: "NS", Expect: dnscheck.Expect{Contains: []string{""}}}, "expect.contains[0]"},
		{"two lines", dnscheck.Config{Name: "a", Type: "NS", Expect: dnscheck.Expect{Contains: []string{"a\nb"}}}, "expect.contains[0]"},
		{
			"all at once",
			dnscheck.Config{Protocol: "doh", Server: "@", Type: "X", Expect: dnscheck.Expect{Rcode: "X", Answers: []string{"x"}, Matches: []string{"("}}},
			"protocol server expect.rcode expect.matches[0] type name",
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := dnscheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	for want, c := range map[string]dnscheck.Config{
		"localhost":                          {Name: "localhost"},
		"example.org MX":                     {Name: "example.org", Type: "mx"},
		"example.org at 192.0.2.1:53":        {Name: "example.org", Server: "192.0.2.1"},
		"example.org at [2001:db8::1]:53":    {Name: "example.org", Server: "2001:db8::1"},
		"example.org A at [2001:db8::1]:853": {Name: "example.org", Type: "A", Server: "[2001:db8::1]", Protocol: "tls"},
		"example.org at [::1]:5353":          {Name: "example.org", Server: "[::1]:5353"},
		"example.org at ns.example.org":      {Name: "example.org", Server: "user:hunter2@ns.example.org"},
	} {
		assert.Equal(t, want, c.Target())
	}
}

func FuzzAnswer(f *testing.F) {
	checks := make(map[string]healthcheck.Checker)
	for _, recordType := range []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "PTR", "CAA"} {
		c := dnscheck.Config{Name: "example.org", Type: recordType, Server: "192.0.2.1", Expect: dnscheck.Expect{Matches: []string{"^x$"}}}
		if recordType == "PTR" {
			c.Name = "1.2.0.192.in-addr.arpa"
		}
		chk, err := dnscheck.New(c)
		require.NoError(f, err)
		checks[recordType] = chk
		query, err := new(dns.Msg).SetQuestion(dns.Fqdn(c.Name), dns.StringToType[recordType]).Pack()
		require.NoError(f, err)
		f.Add(recordType, pack(f, zone(f, records...), query))
	}
	f.Fuzz(func(t *testing.T, recordType string, message []byte) {
		chk, ok := checks[recordType]
		if !ok {
			return
		}
		records, err := dnscheck.Judge(chk, message)
		if len(records) > len(message) {
			t.Errorf("%d records in %d bytes", len(records), len(message))
		}
		if err != nil && len(err.Error()) > 600 {
			t.Errorf("details of %d bytes", len(err.Error()))
		}
	})
}
