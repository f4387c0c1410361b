//go:build tools

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// notification is one alert in one message of Alertmanager.
type notification struct {
	at          time.Time
	receiver    string
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// String is what a test expects: "HealthcheckFailing api firing to pager", where the check is left out of an alert
// that is not about one.
func (n notification) String() string {
	words := []string{n.Labels["alertname"], n.Labels["check"], n.Status, "to", n.receiver}
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " ")
}

// aboutTheMachine are alerts that a busy machine brings about, in any scenario.
var aboutTheMachine = []string{"HealthcheckRunnerLate"}

// webhook takes the messages of Alertmanager.
type webhook struct {
	*httptest.Server

	mu   sync.Mutex
	list []notification
}

func newWebhook(t *testing.T) *webhook {
	h := &webhook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Receiver string         `json:"receiver"`
		Alerts   []notification `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range message.Alerts {
		n.at, n.receiver = time.Now(), message.Receiver
		h.list = append(h.list, n)
	}
}

// about returns what was told about a job, in the order in which it came.
func (h *webhook) about(job string) []notification {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []notification
	for _, n := range h.list {
		if n.Labels["job"] == job && !slices.Contains(aboutTheMachine, n.Labels["alertname"]) {
			list = append(list, n)
		}
	}
	return list
}

// told returns what was told about a job, as strings in alphabetical order; nil if nothing was.
func (h *webhook) told(job string) []string {
	var told []string
	for _, n := range h.about(job) {
		told = append(told, n.String())
	}
	slices.Sort(told)
	return told
}

// jobs returns all that something was told about.
func (h *webhook) jobs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var jobs []string
	for _, n := range h.list {
		jobs = append(jobs, n.Labels["job"])
	}
	slices.Sort(jobs)
	return slices.Compact(jobs)
}

// log returns everything that was told, a line each.
func (h *webhook) log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out strings.Builder
	for _, n := range h.list {
		fmt.Fprintf(&out, "%s %s: %s: %s\n", n.at.Format(time.TimeOnly), n.Labels["job"], n, n.Annotations["description"])
	}
	return out.String()
}
