package discovery_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestValidate(t *testing.T) {
	valid := parse(t, "web", `
targets:
  - static: [a.example.com:443, {address: b, labels: {zone: b}}]
  - file: {files: ["targets/*.yml"], refresh_interval: 1m}
  - http: {url: "https://cmdb/targets", basic_auth: {username: u, password: p}}
  - dns: {names: [_https._tcp.example.com], type: SRV}
  - kubernetes: {role: service, namespaces: {names: [shop]}, selectors: [{role: service, label: app=web}]}
  - consul: {server: "consul:8500", services: [web]}
relabel:
  - {source_labels: [__meta_kubernetes_service_annotation_healthcheck], action: keep, regex: "true"}
`)
	require.NoError(t, valid.Validate())
	var kinds []string
	for i := range valid.Sources {
		kinds = append(kinds, valid.Sources[i].Kind())
	}
	assert.Equal(t, []string{"static", "file", "http", "dns", "kubernetes", "consul"}, kinds)

	for text, want := range map[string][]string{
		"targets: []":   {"targets: is empty"},
		"targets: [{}]": {"targets[0]: has no source"},
		"targets: [{static: [a], dns: {names: [a]}}]":                                 {"targets[0]: has static and dns"},
		"targets: [{static: [a, '', {labels: {x: y}}, a]}]":                           {"targets[0].static[1].address: is missing", "targets[0].static[2].address: is missing", "targets[0].static[3]: is the same as static[0]"},
		"targets: [{static: [a]}, {file: {}}]":                                        {"targets[1].file.files: is missing"},
		"targets: [{http: {url: x, refresh_interval: 1ns}}]":                          {"targets[0].http.url: does not begin", "targets[0].http.refresh_interval: 1ns"},
		"targets: [{http: {url: 'http://x', bearer_token: a, bearer_token_file: b}}]": {"targets[0].http: at most one of"},
		"targets: [{kubernetes: {role: endpoints}}]":                                  {"targets[0].kubernetes.role: endpoints are not supported"},
		"targets: [{kubernetes: {role: what}}]":                                       {`targets[0].kubernetes.role: "what" is not one of`},
		"targets: [{kubernetes: {role: pod, kubeconfig_file: x}}]":                    {"targets[0].kubernetes.kubeconfig_file: is not supported"},
		"targets: [{kubernetes: {role: pod, bearer_token: x}}]":                       {"targets[0].kubernetes: has settings of an HTTP client without api_server"},
		"targets: [{kubernetes: {role: pod, api_server: 'x:1'}}]":                     {"targets[0].kubernetes.api_server: is not a URL"},
		"targets: [{kubernetes: {role: pod, namespaces: {names: [../x]}}}]":           {"targets[0].kubernetes.namespaces.names[0]: \"../x\" is not the name"},
		"targets: [{kubernetes: {role: pod, selectors: [{role: node, label: x}, {role: pod}]}}]": {
			"targets[0].kubernetes.selectors[0].role: \"node\" is not one of pod", "targets[0].kubernetes.selectors[1]: is empty"},
		"targets: [{static: [a]}]\nrelabel: [{action: hashmod, target_label: x}]": {"relabel[0]: relabel configuration for hashmod requires non-zero modulus"},
		"targets: [{static: [a]}]\nrelabel: [~]":                                  {"relabel[0]: has no value"},
		"targets: [{static: [a]}]\nmax_targets: -1":                               {"max_targets: -1 is not between"},
	} {
		s := parse(t, "web", text)
		err := s.Validate()
		require.Error(t, err, text)
		var got []string
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			got = append(got, flatten(t, e)...)
		}
		require.Len(t, got, len(want), "%s: %v", text, got)
		for i := range want {
			assert.Contains(t, got[i], want[i])
		}
	}
	require.ErrorContains(t, discovery.NewManager(discovery.Options{}).Apply([]discovery.Spec{valid, valid}), `check "web" is there twice`)
}

// flatten returns the texts of the mistakes, each of which has to name its field.
func flatten(t *testing.T, err error) []string {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, e := range joined.Unwrap() {
			texts = append(texts, flatten(t, e)...)
		}
		return texts
	}
	_, ok := errors.AsType[*healthcheck.FieldError](err)
	assert.True(t, ok, "%T", err)
	return []string{err.Error()}
}

func TestHostAndPort(t *testing.T) {
	for address, want := range map[string][2]string{
		"a.example.com:443": {"a.example.com", "443"}, "a.example.com": {"a.example.com", ""}, "[2001:db8::1]:80": {"2001:db8::1", "80"},
		"2001:db8::1": {"2001:db8::1", ""}, "[2001:db8::1]": {"2001:db8::1", ""}, "192.0.2.1:80": {"192.0.2.1", "80"},
	} {
		target := discovery.Target{Address: address}
		assert.Equal(t, want, [2]string{target.Host(), target.Port()}, address)
	}
}

func TestSanitize(t *testing.T) {
	for name, want := range map[string]string{
		"a.example.com": "a.example.com", "2001:db8::1": "2001_db8__1", "https://x/ä": "https___x__", "A-b_C.9": "A-b_C.9", "": "",
	} {
		assert.Equal(t, want, discovery.Sanitize(name))
	}
}
