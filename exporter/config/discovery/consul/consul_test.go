package consul_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/consul"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object = map[string]any

// agent answers as Consul's documents have it for blocking queries: a request with the index of the last answer waits
// for a change.
type agent struct {
	t *testing.T
	*httptest.Server

	mu       sync.Mutex
	index    uint64
	services map[string][]object // instances
	tags     map[string][]string
	news     chan struct{}
	requests []string // with their query
	fail     int      // status of all answers, if not zero
	body     string   // of all answers, if not empty
}

func newAgent(t *testing.T) *agent {
	a := &agent{t: t, index: 10, services: make(map[string][]object), tags: make(map[string][]string), news: make(chan struct{})}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// change makes a change, and wakes those who wait. The index grows by what is given, or becomes less.
func (a *agent) change(by int, change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	a.index = uint64(int(a.index) + by)
	close(a.news)
	a.news = make(chan struct{})
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, _ := strconv.ParseUint(q.Get("index"), 10, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r.URL.Path+"?"+r.URL.RawQuery)
	assert.Equal(a.t, "s3cret", r.Header.Get("X-Consul-Token"))
	if since > 0 {
		assert.Equal(a.t, "120s", q.Get("wait"))
	}
	for since == a.index && a.fail == 0 && a.body == "" {
		news := a.news
		a.mu.Unlock()
		select {
		case <-news:
		case <-r.Context().Done():
		}
		a.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
	w.Header().Set("X-Consul-Index", strconv.FormatUint(a.index, 10))
	w.Header().Set("Content-Type", "application/json")
	switch name, isHealth := strings.CutPrefix(r.URL.Path, "/v1/health/service/"); {
	case a.fail != 0:
		w.WriteHeader(a.fail)
	case a.body != "":
		_, _ = w.Write([]byte(a.body))
	case isHealth:
		instances := a.services[name]
		if instances == nil {
			instances = []object{}
		}
		assert.NoError(a.t, json.NewEncoder(w).Encode(instances))
	case r.URL.Path == "/v1/catalog/services":
		assert.NoError(a.t, json.NewEncoder(w).Encode(a.tags))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// count returns how many requests began with the text.
func (a *agent) count(prefix string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, r := range a.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func instance(node, id string, port int) object {
	return object{
		"Node":    object{"Node": node, "Address": "10.0.0.1", "Datacenter": "dc1", "TaggedAddresses": object{"lan": "10.0.0.1"}, "Meta": object{"os-name": "linux"}},
		"Service": object{"ID": id, "Port": port, "Tags": []string{"prod", "v1"}, "Meta": object{"team": "shop"}},
		"Checks":  []object{{"CheckID": "serfHealth", "Status": "passing"}, {"CheckID": "x", "Status": "warning"}},
	}
}

func settings(a *agent, services ...string) consul.Config {
	c := consul.Default()
	c.Server = strings.TrimPrefix(a.URL, "http://")
	c.Token = "s3cret"
	c.RefreshInterval = 10 * time.Millisecond
	c.Services = services
	return c
}

func TestLabels(t *testing.T) {
	a := newAgent(t)
	one := instance("n1", "web-1", 8080)
	two := instance("n2", "web-2", 8081)
	two["Service"].(object)["Address"] = "192.0.2.1"
	two["Checks"] = []object{{"CheckID": "_service_maintenance:web-2", "Status": "critical"}}
	a.services["web"] = []object{one, two}
	r := sourcetest.Run(t, consul.New(settings(a, "web")))
	r.UntilAddresses("10.0.0.1:8080", "192.0.2.1:8081")
	short := make(map[string]string)
	for name, value := range r.Targets()[0].Map() {
		short[strings.TrimPrefix(name, "__meta_consul_")] = value
	}
	assert.Equal(t, map[string]string{
		"__address__": "10.0.0.1:8080", "address": "10.0.0.1", "node": "n1", "dc": "dc1", "service": "web", "service_id": "web-1",
		"service_port": "8080", "tags": ",prod,v1,", "health": "warning", "metadata_os_name": "linux", "service_metadata_team": "shop",
		"tagged_address_lan": "10.0.0.1",
	}, short)
	assert.Equal(t, "maintenance", r.Targets()[1].Get("__meta_consul_health"))
	assert.Equal(t, "192.0.2.1", r.Targets()[1].Get("__meta_consul_service_address"))
}

// TestBlockingQueries: a change is told at once, and what does not change asks for nothing.
func TestBlockingQueries(t *testing.T) {
	a := newAgent(t)
	a.services["web"] = []object{instance("n1", "web-1", 1)}
	c := settings(a, "web")
	c.Datacenter, c.NodeMeta, c.Tags = "dc1", map[string]string{"rack": "7"}, nil
	r := sourcetest.Run(t, consul.New(c))
	r.UntilAddresses("10.0.0.1:1")
	a.change(1, func() { a.services["web"] = append(a.services["web"], instance("n2", "web-2", 2)) })
	r.UntilAddresses("10.0.0.1:1", "10.0.0.1:2")
	a.change(1, func() { a.services["web"] = nil })
	r.UntilAddresses()
	assert.Equal(t, 1, a.count("/v1/health/service/web?dc=dc1&index=10&node-meta=rack%3A7&stale=&wait=120s"))
	assert.LessOrEqual(t, a.count("/"), 4)
	assert.Empty(t, r.Failures())
}

// TestIndexGoesBack: of a server that was set up again. Waiting for the old index would be waiting for long.
func TestIndexGoesBack(t *testing.T) {
	a := newAgent(t)
	a.services["web"] = []object{instance("n1", "web-1", 1)}
	r := sourcetest.Run(t, consul.New(settings(a, "web")))
	r.UntilAddresses("10.0.0.1:1")
	a.change(-7, func() { a.services["web"] = []object{instance("n1", "web-1", 3)} })
	r.UntilAddresses("10.0.0.1:3")
	a.change(1, func() { a.services["web"] = []object{instance("n1", "web-1", 4)} })
	r.UntilAddresses("10.0.0.1:4")
	assert.GreaterOrEqual(t, a.count("/v1/health/service/web?stale="), 2, "without an index")
}

func TestCatalog(t *testing.T) {
	a := newAgent(t)
	a.tags["web"], a.tags["db"] = []string{"prod"}, []string{"test"}
	a.services["web"] = []object{instance("n1", "web-1", 1)}
	a.services["db"] = []object{instance("n1", "db-1", 2)}
	c := settings(a)
	c.Tags = []string{"prod"}
	c.Filter = `ServiceName != "x"`
	r := sourcetest.Run(t, consul.New(c))
	r.UntilAddresses("10.0.0.1:1")
	assert.Positive(t, a.count("/v1/health/service/web?stale=&tag=prod"))
	assert.Zero(t, a.count("/v1/health/service/db"))
	assert.Positive(t, a.count("/v1/catalog/services?filter=ServiceName"))
	a.change(1, func() { a.tags["db"] = []string{"test", "prod"} })
	r.UntilAddresses("10.0.0.1:1", "10.0.0.1:2")
	a.change(1, func() { delete(a.tags, "web") })
	r.UntilAddresses("10.0.0.1:2")
	r.UntilAnswers(1)
	assert.Empty(t, r.Failures())
}

func TestBrokenAnswersKeepTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		fail       int
		body, want string
	}{
		"500":       {500, "", "web: the server answered 500"},
		"forbidden": {403, "", "web: the server answered 403"},
		"page":      {0, "<html>", "invalid character"},
		"null":      {0, "null", "no list"},
		"object":    {0, "{}", "cannot unmarshal"},
		"half":      {0, `[{"Node":`, "unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t)
			a.services["web"] = []object{instance("n1", "web-1", 1)}
			r := sourcetest.Run(t, consul.New(settings(a, "web")))
			r.UntilAddresses("10.0.0.1:1")
			a.change(1, func() { a.fail, a.body = tc.fail, tc.body })
			r.UntilFailure(tc.want)
			assert.NotContains(t, r.Failures()[0], "s3cret")
			assert.Equal(t, []string{"10.0.0.1:1"}, r.Addresses())
			a.change(1, func() { a.fail, a.body, a.services["web"] = 0, "", nil })
			r.UntilAddresses()
		})
	}
}

func TestValidate(t *testing.T) {
	valid := consul.Default()
	require.NoError(t, valid.Validate())
	for want, change := range map[string]func(c *consul.Config){
		"server: is not the address":            func(c *consul.Config) { c.Server = "http://u:s3cret@consul" },
		"scheme: \"ftp\" is not one of":         func(c *consul.Config) { c.Scheme = "ftp" },
		"refresh_interval: 1ms is less than 1s": func(c *consul.Config) { c.RefreshInterval = time.Millisecond },
		"at most one of bearer_token & bearer_t": func(c *consul.Config) {
			c.HTTPClientConfig.BearerToken, c.HTTPClientConfig.BearerTokenFile = "s3cret", "x"
		},
	} {
		c := consul.Default()
		change(&c)
		require.ErrorContains(t, c.Validate(), want)
		assert.NotContains(t, c.Validate().Error(), "s3cret")
	}
}
