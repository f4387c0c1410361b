package exporter_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// TestMistakesInWebConfigurations are told in our words, with file and line, and without what may be a password.
func TestMistakesInWebConfigurations(t *testing.T) {
	t.Parallel()
	const hash = "$2a$04$FiPWAX/RXJfveS18pX.YHOnn5Pbb1c5BQV7HGEepEZdJF53oG35pq"
	for yaml, want := range map[string][]string{
		"rate_limit: { burst: 1 }\ntls_server_confg: {}\nusers: 1\n":    {`:2: unknown key "tls_server_confg"`, `:3: unknown key "users"`},
		"tls_server_config: [\n":                                        {":1: did not find expected node content"},
		"tls_server_config: hunter2\n":                                  {":1: want a mapping, not text"},
		"basic_auth_users: [hunter2]\n":                                 {":1: want a mapping, not a list"},
		"\nrate_limit: { burst: hunter2 }\n":                            {":2: want a whole number, not text"},
		"rate_limit: { interval: hunter2 }\n":                           {":1: want a duration, such as 30s, not text"},
		"http_server_config:\n  http2: hunter2\n":                       {":2: want true or false, not text"},
		"tls_server_config: { cert_file: [hunter2] }\n":                 {":1: want text, not a list"},
		"basic_auth_users: { alice: [hunter2] }\n":                      {":1: cannot be a list"},
		"basic_auth_users:\n  bob: " + hash + "\n  alice: hunter2\n":    {":3: basic_auth_users.alice: want hashes of passwords by bcrypt, as htpasswd -B makes them"},
		"tls_server_config: { cert_file: web.yml }\n":                   {": missing one of key or key_file"},
		"tls_server_config: { client_auth_type: none, cert_file: x }\n": {": missing one of key or key_file"},
	} {
		path := newConfigFile(t, yaml).path
		o := options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
		o.WebConfigFile = path
		_, err := exporter.Validate(o)
		for _, text := range want {
			require.ErrorContains(t, err, fmt.Sprintf("web configuration %s%s", path, text))
		}
		for _, text := range []string{"hunter2", "!!", "unmarshal", "yaml:", "crypto/"} {
			assert.NotContains(t, err.Error(), text, yaml)
		}
	}
}

// TestMistakesInHTTPConfigurations are those of --http.config.file.
func TestMistakesInHTTPConfigurations(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"basic_auth: hunter2\n":                              ":1: cannot be text",
		"follow_redirects: true\nhunter: 1\n":                `:2: unknown key "hunter"`,
		"tls_config: { insecure_skip_verify: hunter2 }\n":    ":1: want true or false, not text",
		"proxy_url: 'http://me:hunter2@host:port'\n":         `: not a valid URL: invalid port ":port" after host`,
		"bearer_token: hunter2\nbasic_auth: { username: x }": ": at most one of basic_auth",
	} {
		path := newConfigFile(t, yaml).path
		_, _, err := exporter.Status(t.Context(), "http://127.0.0.1:1/status", path)
		require.ErrorContains(t, err, "http configuration "+path+want)
		assert.NotContains(t, err.Error(), "hunter2")
		require.ErrorContains(t, exporter.Healthy(t.Context(), exporter.HealthyOptions{URL: "http://127.0.0.1:1/", HTTPConfigFile: path}), filepath.Base(path)+want)
	}
}
