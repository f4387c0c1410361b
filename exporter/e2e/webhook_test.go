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

// message is one message of Alertmanager, without its alerts.
type message struct {
	Receiver  string `json:"receiver"`
	Status    string `json:"status"`
	Group     string `json:"groupKey"`
	Truncated int    `json:"truncatedAlerts"`
	alerts    int
}

// text is what a pager service or a chat is sent.
type text struct {
	receiver string
	// Of PagerDuty's events.
	Action  string `json:"event_action"`
	Key     string `json:"dedup_key"`
	Payload struct {
		Summary string            `json:"summary"`
		Details map[string]string `json:"custom_details"`
	} `json:"payload"`
	// Of Slack's messages.
	Attachments []struct {
		Title string `json:"title"`
		Text  string `json:"text"`
	} `json:"attachments"`
}

// webhook takes the messages of Alertmanager.
type webhook struct {
	*httptest.Server

	mu       sync.Mutex
	list     []notification    // what was new in each message
	last     map[string]string // status by receiver and alert
	messages []message
	texts    []text
}

func newWebhook(t *testing.T) *webhook {
	h := &webhook{last: make(map[string]string)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if receiver, ok := strings.CutPrefix(r.URL.Path, "/texts/"); ok {
		h.serveText(w, r, receiver)
		return
	}
	var m struct {
		message
		Alerts []notification `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m.alerts = len(m.Alerts)
	h.messages = append(h.messages, m.message)
	// A message has all alerts of its group again when there is something new in it. With nothing new it tells twice.
	var news []notification
	for i := range m.Alerts {
		n := &m.Alerts[i]
		n.at, n.receiver = time.Now(), m.Receiver
		key := m.Receiver + fmt.Sprint(n.Labels)
		if h.last[key] != n.Status {
			h.last[key] = n.Status
			news = append(news, *n)
		}
	}
	if news == nil {
		news = m.Alerts
	}
	h.list = append(h.list, news...)
}

// serveText answers as PagerDuty and Slack do.
func (h *webhook) serveText(w http.ResponseWriter, r *http.Request, receiver string) {
	t := text{receiver: receiver}
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.texts = append(h.texts, t)
	h.mu.Unlock()
	if t.Action != "" {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	_, _ = w.Write([]byte("ok"))
}

// sent returns the messages and texts so far.
func (h *webhook) sent() ([]message, []text) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.messages), slices.Clone(h.texts)
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
