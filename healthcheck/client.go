package healthcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrAlreadyRunning is returned by [CheckIsRunning].
var ErrAlreadyRunning = &AgentError{Code: 1613, Message: "terminating agent, another instance of agent already running"}

// Bounds on the answer of another process.
const (
	queryTimeout  = 30 * time.Second
	maxStatusBody = 16 << 20
)

// statusDocument is the JSON of /status, as far as it must be understood.
type statusDocument struct {
	Name         string      `json:"name"`
	Version      string      `json:"version,omitempty"`
	Status       StatusLevel `json:"status"`
	StatusChecks map[string]struct {
		Name     string  `json:"name"`
		Endpoint string  `json:"endpoint"`
		Status   *Status `json:"status"`
	} `json:"statusChecks"`
}

// CheckIsRunning returns [ErrAlreadyRunning] if a process, healthy or not, serves its status on the port of the
// [StatusConfig]; nil if none does, or that port is not positive.
func CheckIsRunning() error {
	cfg := std.getConfig()
	if cfg == nil || cfg.GetPort() <= 0 {
		return nil
	}
	if answersAsAgent(localStatusURL(cfg.GetPort())) {
		return ErrAlreadyRunning
	}
	return nil
}

func answersAsAgent(address string) bool {
	a, err := query(address)
	if err != nil || a.code != http.StatusOK && a.code != http.StatusServiceUnavailable {
		return false
	}
	var doc statusDocument
	return json.Unmarshal(a.body, &doc) == nil && doc.Status != ""
}

// QueryForStatus returns the status of the process that serves it on the given port of this machine, indented, or a
// sentence about the error.
func QueryForStatus(port int) (statusOut string) {
	output, err := GetHealthcheckOutput(localStatusURL(port))
	if err != nil {
		return "Error querying for the status: " + err.Error()
	}
	return output
}

// GetHealthcheckOutput returns the status document at a URL, indented by two spaces. For an answer other than 200 it
// returns both the document and an error. No error shows a user name or password in the URL.
func GetHealthcheckOutput(address string) (string, error) {
	a, err := query(address)
	if err != nil {
		return "", err
	}
	output, err := indent(a.body)
	if err != nil {
		return "", fmt.Errorf("could not marshall into the expected type: %w", err)
	}
	if a.code != http.StatusOK {
		return output, fmt.Errorf("healthcheck failed %s", a.status)
	}
	return output, nil
}

// answer is that of a status server.
type answer struct {
	body   []byte
	code   int
	status string // "503 Service Unavailable"
}

func query(address string) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("could not query for the status: %w", withoutUserinfo(address, err))
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DisableKeepAlives: true,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("could not query for the status: %w", withoutUserinfo(address, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatusBody+1))
	if err == nil && len(body) > maxStatusBody {
		err = fmt.Errorf("more than %d bytes", maxStatusBody)
	}
	if err != nil {
		return nil, fmt.Errorf("could not read the body of the response: %w", err)
	}
	return &answer{body: body, code: resp.StatusCode, status: resp.Status}, nil
}

// withoutUserinfo takes user name and password out of what err, which came of a request to the address, shows.
func withoutUserinfo(address string, err error) error {
	e, ok := errors.AsType[*url.Error](err)
	if !ok || !strings.Contains(address, "@") {
		return err
	}
	given, parseErr := url.Parse(address)
	if parseErr != nil || given.Opaque != "" { // they could be anywhere
		return errors.New("not a valid URL")
	}
	u, parseErr := url.Parse(e.URL)
	switch {
	case parseErr != nil || u.User == nil:
		e.URL = "…"
	default:
		u.User = nil
		e.URL = u.String()
	}
	return err
}

func indent(body []byte) (string, error) {
	var doc statusDocument
	if err := json.Unmarshal(body, &doc); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return "", err
	}
	return out.String(), nil
}

func localStatusURL(port int) string {
	return "http://" + net.JoinHostPort("localhost", strconv.Itoa(port)) + "/status"
}
