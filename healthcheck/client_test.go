package healthcheck_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestStatusErrorsShowNoUserinfo(t *testing.T) {
	port := freePort(t)
	closed := fmt.Sprintf("127.0.0.1:%d", port)
	for address, want := range map[string]string{
		"http://bob:hunter2@" + closed + "/status":      fmt.Sprintf(`Get "http://%s/status": dial tcp`, closed),
		"http://hunter2@" + closed + "/status":          fmt.Sprintf(`Get "http://%s/status": dial tcp`, closed),
		"http://bob:hunter2@" + closed + "/a@b":         fmt.Sprintf(`Get "http://%s/a@b": dial tcp`, closed),
		"http://" + closed + "/a@b":                     `Get "…": dial tcp`,
		"http://" + closed + "/a/hunter2@b":             `Get "…": dial tcp`,
		"http://bob:hunter2@" + closed + ":port/status": "not a valid URL",
		"http://bob:hunter2#1@" + closed + "/status":    "not a valid URL",
		"http://bob:hunter2%zz@" + closed + "/status":   "not a valid URL",
		"bob:hunter2@" + closed + "/status":             "not a valid URL",
		"ftp://bob:hunter2@" + closed + "/status":       fmt.Sprintf(`Get "ftp://%s/status": unsupported protocol scheme`, closed),
		"http://bob:hunter2@/status":                    "no Host in request URL",
	} {
		_, err := healthcheck.GetHealthcheckOutput(address)
		assert.ErrorContains(t, err, "could not query for the status: ", address)
		assert.ErrorContains(t, err, want, address)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "bob")
	}
}

func TestStatusWithUserinfo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		_, _ = fmt.Fprintf(w, `{"name":%q,"status":"OK","statusChecks":{}}`, user+" "+password)
	}))
	defer server.Close()
	output, err := healthcheck.GetHealthcheckOutput("http://bob:hunter2@" + server.Listener.Addr().String())
	assert.NoError(t, err)
	assert.Contains(t, output, `"name": "bob hunter2"`)
}
