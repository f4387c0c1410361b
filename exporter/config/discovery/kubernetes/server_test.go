package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object = map[string]any

// cluster is an API server as far as lists and watches go: it numbers what happens, forgets what is long ago, and lists
// in pages.
type cluster struct {
	t *testing.T
	*httptest.Server

	mu       sync.Mutex
	version  int
	stored   map[string]map[string]object // by resource and key
	history  []change
	oldest   int // of the versions that a watch may begin with
	news     chan struct{}
	cut      chan struct{} // closed to cut what is being answered
	page     int           // at most so many objects a page
	requests []string      // "list services", "watch services 12"
	fail     func(w http.ResponseWriter, r *http.Request) bool
}

type change struct {
	version   int
	kind      string
	resource  string
	namespace string
	object    object
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, version: 100, oldest: 100, page: 1000,
		stored: make(map[string]map[string]object), news: make(chan struct{}), cut: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// parse returns the resource and the namespace of a path such as /apis/x/v1/namespaces/shop/ingresses.
func parse(path string) (resource, namespace string) {
	parts := strings.Split(path, "/")
	if i := slices.Index(parts, "namespaces"); i >= 0 {
		namespace = parts[i+1]
	}
	return parts[len(parts)-1], namespace
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource, namespace := parse(r.URL.Path)
	q := r.URL.Query()
	c.mu.Lock()
	line := "list " + resource
	switch {
	case q.Has("watch"):
		line = "watch " + resource + " " + q.Get("resourceVersion")
	case q.Has("continue"):
		line = "continue " + resource
	}
	if namespace != "" {
		line += " in " + namespace
	}
	c.requests = append(c.requests, line)
	fail, cut := c.fail, c.cut // of the same moment: who is not failed from now on is cut by a cut from now on
	c.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if q.Has("watch") {
		c.watch(w, r, resource, namespace, cut)
		return
	}
	c.list(w, r, resource, namespace)
}

func (c *cluster) list(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	assert.NoError(c.t, err, "a list without limit")
	start := 0
	version := c.version
	if token := r.URL.Query().Get("continue"); token != "" {
		if _, err := fmt.Sscanf(token, "%d-%d", &version, &start); err != nil || version < c.oldest {
			writeStatus(w, http.StatusGone, "Expired")
			return
		}
	}
	items := []object{}
	keys := slices.Sorted(maps.Keys(c.stored[resource]))
	keys = slices.DeleteFunc(keys, func(k string) bool { return namespace != "" && !strings.HasPrefix(k, namespace+"/") })
	end := min(start+min(limit, c.page), len(keys))
	for _, key := range keys[start:end] {
		items = append(items, c.stored[resource][key])
	}
	metadata := object{"resourceVersion": strconv.Itoa(version)}
	if end < len(keys) {
		metadata["continue"] = fmt.Sprintf("%d-%d", version, end)
	}
	assert.NoError(c.t, json.NewEncoder(w).Encode(object{"metadata": metadata, "items": items}))
}

func (c *cluster) watch(w http.ResponseWriter, r *http.Request, resource, namespace string, cut <-chan struct{}) {
	since, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	assert.NoError(c.t, err)
	c.mu.Lock()
	tooOld := since < c.oldest
	c.mu.Unlock()
	if tooOld {
		writeStatus(w, http.StatusGone, "Expired")
		return
	}
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		c.mu.Lock()
		var due []change
		for _, ch := range c.history {
			if ch.version > since && ch.resource == resource && (namespace == "" || ch.namespace == "" || ch.namespace == namespace) {
				due = append(due, ch)
			}
		}
		news := c.news
		c.mu.Unlock()
		for _, ch := range due {
			since = ch.version
			_ = json.NewEncoder(w).Encode(object{"type": ch.kind, "object": ch.object})
			w.(http.Flusher).Flush()
		}
		select {
		case <-news:
		case <-r.Context().Done():
			return
		case <-cut:
			panic(http.ErrAbortHandler)
		}
	}
}

func writeStatus(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object{"kind": "Status", "code": code, "reason": reason})
}

// happen appends to the history. The object gets the next version.
func (c *cluster) happen(kind, resource string, o object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	m := maps.Clone(o["metadata"].(object))
	m["resourceVersion"] = strconv.Itoa(c.version)
	o = maps.Clone(o)
	o["metadata"] = m
	namespace, _ := m["namespace"].(string)
	key := fmt.Sprint(namespace, "/", m["name"])
	if c.stored[resource] == nil {
		c.stored[resource] = make(map[string]object)
	}
	switch kind {
	case "ADDED", "MODIFIED":
		c.stored[resource][key] = o
	case "DELETED":
		delete(c.stored[resource], key)
	}
	c.history = append(c.history, change{c.version, kind, resource, namespace, o})
	close(c.news)
	c.news = make(chan struct{})
}

// forget makes the server answer 410 to whoever asks for what is older than now.
func (c *cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.oldest = c.version
	c.history = nil
}

// cutAll cuts all watches.
func (c *cluster) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.cut)
	c.cut = make(chan struct{})
}

func (c *cluster) setFail(fail func(w http.ResponseWriter, r *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

func (c *cluster) seen(line string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, l := range c.requests {
		if strings.HasPrefix(l+" ", line+" ") {
			n++
		}
	}
	return n
}
