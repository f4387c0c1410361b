package config_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	promconfig "github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

var conformStatus = conformer{
	echo: func(t *testing.T) []func() any {
		base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			answer, _ := json.Marshal(echoes.answer(requestParts(r)))
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintf(w, `{"status":"FAIL","statusChecks":{%s:{"status":{"result":"FAIL","details":%[1]s}}}}`, answer)
		})
		return []func() any{
			func() any { return &statuscheck.Config{URL: base} },
			func() any {
				return &statuscheck.Config{URL: base, BasicAuth: &promconfig.BasicAuth{Username: "ann", PasswordFile: "x"}}
			},
		}
	},
	open: []string{"accept_encoding", "components.include", "components.ignore", "tls_config.server_name"},
	dials: func(address string) []any {
		return []any{&statuscheck.Config{URL: "http://" + address}, &statuscheck.Config{URL: "https://" + address}}
	},
	named: func(host string) any {
		return &statuscheck.Config{URL: "http://" + strings.Replace(host, "%", "%25", 1) + ":8989/status"}
	},
	fine: func(t testing.TB) []any {
		return []any{&statuscheck.Config{URL: serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"OK","statusChecks":{}}`)
		})}}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"OK","statusChecks":{}}`)
		})
		return []served{{
			name: "status", address: strings.TrimPrefix(base, "http://"), reason: healthcheck.ReasonStatus,
			config: func(address string) any { return &statuscheck.Config{URL: "http://" + address} },
			wrong: func(string) any {
				return &statuscheck.Config{URL: serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = io.WriteString(w, `{"status":"FAIL","statusChecks":{"db":{"status":{"result":"FAIL"}}}}`)
				})}
			},
			secure: func(address, caFile string) any {
				return &statuscheck.Config{URL: "https://" + address, TLSConfig: promconfig.TLSConfig{CAFile: caFile}}
			},
			denied: func(t *testing.T) any {
				return &statuscheck.Config{URL: serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })}
			},
		}}
	},
}
