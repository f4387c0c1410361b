package target_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

var hosts = map[string]string{ // "" for what is none
	"db.example.org":        "db.example.org",
	"Db.Example.org":        "Db.Example.org",
	"db.example.org.":       "db.example.org.",
	"localhost":             "localhost",
	"my_service":            "my_service",
	"r3---sn-apo3qvuoxuxb":  "r3---sn-apo3qvuoxuxb",
	"bücher.example":        "xn--bcher-kva.example",
	"BÜCHER.example":        "xn--bcher-kva.example",
	"my_bücher.example":     "xn--my_bcher-95a.example",
	"straße.example":        "xn--strae-oqa.example",
	"例え。テスト":                "xn--r8jz45g.xn--zckzah",
	"xn--bcher-kva.example": "xn--bcher-kva.example",
	"1２7.0.0.1":             "127.0.0.1",
	"192.0.2.1":             "192.0.2.1",
	"2001:DB8:0::1":         "2001:db8::1",
	"fe80::1%eth0":          "fe80::1%eth0",
	"::ffff:192.0.2.1":      "::ffff:192.0.2.1",
	"1.example":             "1.example",
	"":                      "",
	".":                     "",
	"a..b":                  "",
	".a":                    "",
	"127.1":                 "",
	"256.256.256.256":       "",
	"1.2.3.4.5":             "",
	"8":                     "",
	"a b":                   "",
	"a\x00b":                "",
	"a/b":                   "",
	"joe@host":              "",
	"[::1]":                 "",
	"fe80::1%et h0":         "",
	"a:b":                   "",
	"*.example":             "",
	"\xff.example":          "",
	"xn--ü.example":         "",
	"a\u202eb.example":      "",
	"ü…":                    "",
}

func TestHost(t *testing.T) {
	for s, want := range hosts {
		got, err := target.Host(s)
		assert.Equal(t, want, got, "%q", s)
		assert.Equal(t, want == "", err != nil, "%q: %v", s, err)
	}
	for _, s := range []string{strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a", strings.Repeat("üa", 40), strings.Repeat("ü", 100000)} {
		_, err := target.Host(s)
		assert.Error(t, err)
	}
}

func TestAddress(t *testing.T) {
	for s, want := range map[string]struct{ dial, label, name string }{
		"db.example.org:5432":   {"db.example.org:5432", "db.example.org:5432", "db.example.org"},
		"db.example.org.:05432": {"db.example.org.:5432", "db.example.org.:5432", "db.example.org"},
		"Bücher.example:80":     {"xn--bcher-kva.example:80", "bücher.example:80", "xn--bcher-kva.example"},
		"[2001:db8::0:1]:22":    {"[2001:db8::1]:22", "[2001:db8::1]:22", "2001:db8::1"},
		"[fe80::1%eth0.1]:22":   {"[fe80::1%eth0.1]:22", "[fe80::1%eth0.1]:22", "fe80::1"},
		"192.0.2.1:65535":       {"192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1"},
	} {
		for _, defaultPort := range []string{"", "53"} {
			a, err := target.ParseAddress(s, defaultPort)
			require.NoError(t, err, s)
			assert.Equal(t, want.dial, a.String())
			assert.Equal(t, want.label, a.Label())
			assert.Equal(t, want.label, target.AddressLabel(s, defaultPort))
			assert.Equal(t, want.name, a.ServerName())
			again, err := target.ParseAddress(a.String(), defaultPort)
			require.NoError(t, err)
			assert.Equal(t, a.String(), again.String())
		}
	}
	for s, want := range map[string]string{
		"db.example.org": "db.example.org:53", "bücher.example": "xn--bcher-kva.example:53", "[2001:db8::1]": "[2001:db8::1]:53",
		"2001:db8::1": "[2001:db8::1]:53", "fe80::1%1": "[fe80::1%1]:53", "192.0.2.1": "192.0.2.1:53",
	} {
		a, err := target.ParseAddress(s, "53")
		require.NoError(t, err)
		assert.Equal(t, want, a.String())
		_, err = target.ParseAddress(s, "")
		assert.Error(t, err)
	}
	for _, s := range []string{
		"", ":5432", "db:0", "db:65536", "db:postgres", "db:+1", "db:-1", "db: 1", "db:", "a b:1", "tcp://joe:hunter2@db:5432", "hunter2@db:5432",
		"[db]:1", "[::1]]:1", "[[::1]]:1", "hunter2/x:1", "ü…:1",
	} {
		for _, defaultPort := range []string{"", "53"} {
			_, err := target.ParseAddress(s, defaultPort)
			if s == "[db]:1" {
				continue // net.SplitHostPort takes it
			}
			require.Error(t, err, "%q", s)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, target.AddressLabel(s, defaultPort), "hunter2@")
		}
	}
	assert.Equal(t, "mail:25", target.AddressLabel("joe:hunter2@mail:25", ""))
}

func TestURL(t *testing.T) {
	for s, want := range map[string]struct{ request, label, address string }{
		"https://bücher.example":                             {"https://xn--bcher-kva.example", "https://bücher.example", "xn--bcher-kva.example:443"},
		"https://b%C3%BCcher.example/":                       {"https://xn--bcher-kva.example/", "https://bücher.example/", "xn--bcher-kva.example:443"},
		"HTTP://Host:080/a%2Fb/%C3%BC?key=hunter2&tok-en#fr": {"http://Host:80/a%2Fb/%C3%BC?key=hunter2&tok-en#fr", "http://Host:80/a%2Fb/%C3%BC?key=…&…", "Host:80"},
		"http://joe:hunter2@[2001:DB8::1]:81/":               {"http://joe:hunter2@[2001:db8::1]:81/", "http://[2001:db8::1]:81/", "[2001:db8::1]:81"},
		"http://[fe80::1%25eth0]/":                           {"http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/", "[fe80::1%eth0]:80"},
		"https://127.0.0.1?a;b=c":                            {"https://127.0.0.1?a;b=c", "https://127.0.0.1?…&b=…", "127.0.0.1:443"},
	} {
		u, err := target.ParseURL(s, "http", "https")
		require.NoError(t, err, s)
		assert.Equal(t, want.request, u.String())
		assert.Equal(t, want.label, target.URLLabel(s))
		assert.Equal(t, want.address, target.AddressOf(u).String())
	}
	for _, s := range []string{
		"", "hunter2", "/hunter2", "https://", "https://:443", "https://host:0", "https://host:65536", "https://host:hunter2", "ftp://hunter2",
		"https:hunter2", "https://joe:hunter2@127.1/", "https://hun ter2/", "https://::1/", "https://[::1/", "https://joe:hunter2@ho\x00st/", "https://ü…/",
		"https://joe:hunter2@host:x/",
	} {
		_, err := target.ParseURL(s, "http", "https")
		require.Error(t, err, s)
		assert.NotContains(t, err.Error(), "hunter2")
		if !strings.HasPrefix(s, "ftp:") {
			assert.Empty(t, target.URLLabel(s))
		}
	}
	_, err := target.ParseURL("x", "http", "https", "ws")
	assert.EqualError(t, err, "has not the scheme http, https or ws")
	u, err := target.ParseURL("http://bücher.example:81", "http")
	require.NoError(t, err)
	assert.Equal(t, "bücher.example:81", target.AddressOf(u).Label())
	assert.Equal(t, "bücher.example", target.AddressOf(u).Name())
}

func TestASCII(t *testing.T) {
	for s, want := range map[string]string{
		"_sip._tcp.example": "_sip._tcp.example", "*.example": "*.example", "bücher.example.": "xn--bcher-kva.example.", `a\.b`: `a\.b`, "": "",
	} {
		got, err := target.ASCII(s)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := target.ASCII("ü…")
	assert.Error(t, err)
}

// FuzzTarget holds that what is taken as a host is one to package net, and stays the same when it is read again; and
// that labels can be shown.
func FuzzTarget(f *testing.F) {
	for s := range hosts {
		f.Add(s, "http://joe:hunter2@"+s+":80/?a=b", s+":53")
	}
	f.Fuzz(func(t *testing.T, host, rawURL, address string) {
		if h, err := target.Host(host); err == nil {
			again, err := target.Host(h)
			require.NoError(t, err)
			assert.Equal(t, h, again)
			if strict, err := idna.Lookup.ToASCII(host); err == nil && strings.IndexFunc(host, func(r rune) bool { return r > 0x7f }) >= 0 {
				if _, err := netip.ParseAddr(h); err != nil {
					assert.Equal(t, strict, h, "as net/http has it")
				}
			}
		}
		if a, err := target.ParseAddress(address, "53"); err == nil {
			again, err := target.ParseAddress(a.Label(), "")
			require.NoError(t, err)
			assert.Equal(t, a, again)
		}
		assert.NotContains(t, target.AddressLabel(address, ""), "@")
		shown(t, target.AddressLabel(address, ""))
		if u, err := target.ParseURL(rawURL, "http", "https"); err == nil {
			again, err := url.Parse(u.String())
			require.NoError(t, err)
			assert.Equal(t, u.Host, again.Host)
			assert.NotEmpty(t, target.AddressOf(u).Port)
			label := target.URLLabel(rawURL)
			assert.Equal(t, label, target.URLLabel(label), "%q", rawURL)
		}
		shown(t, target.URLLabel(rawURL))
	})
}

func shown(t *testing.T, label string) {
	t.Helper()
	assert.True(t, utf8.ValidString(label))
	assert.False(t, strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", label)
}
