package kubernetes_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/kubernetes"
)

func settings(c *cluster, role string) kubernetes.Config {
	return kubernetes.Config{APIServer: c.URL, Role: role, HTTPClientConfig: config.DefaultHTTPClientConfig}
}

func service(namespace, name string, ports ...int) object {
	list := []object{}
	for _, p := range ports {
		list = append(list, object{"name": "p" + strconv.Itoa(p), "protocol": "TCP", "port": p})
	}
	return object{"metadata": object{"namespace": namespace, "name": name}, "spec": object{"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": list}}
}

func TestListsInPagesAndWatches(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.page = 2
	var want []string
	for i := range 5 {
		c.happen("ADDED", "services", service("shop", fmt.Sprintf("s%d", i), 80))
		want = append(want, fmt.Sprintf("s%d.shop.svc:80", i))
	}
	r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
	r.UntilAddresses(want...)
	r.UntilAnswers(1)
	assert.Equal(t, 1, c.seen("list services"))
	assert.Equal(t, 2, c.seen("continue services"))

	c.happen("ADDED", "services", service("shop", "new", 80, 443))
	r.UntilAddresses(append(slices.Clone(want), "new.shop.svc:80", "new.shop.svc:443")...)
	c.happen("MODIFIED", "services", service("shop", "new", 8080))
	r.UntilAddresses(append(slices.Clone(want), "new.shop.svc:8080")...)
	c.happen("DELETED", "services", service("shop", "new", 8080))
	r.UntilAddresses(want...)
	assert.Equal(t, 1, c.seen("list services"), "a change is no reason for another list")
	assert.Empty(t, r.Failures())
}

// TestCutWatchGoesOn: what happened meanwhile is not lost, nothing is listed again, and nothing is a failure.
func TestCutWatchGoesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.happen("ADDED", "services", service("shop", "a", 80))
	r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
	r.UntilAddresses("a.shop.svc:80")
	r.UntilAnswers(2)
	require.Equal(t, 1, c.seen("watch services 101"))

	c.happen("ADDED", "services", service("shop", "b", 80))
	r.UntilAddresses("a.shop.svc:80", "b.shop.svc:80")
	c.cutAll()
	c.happen("DELETED", "services", service("shop", "a", 80))
	r.UntilAddresses("b.shop.svc:80")
	assert.Equal(t, 1, c.seen("watch services 102"))
	assert.Equal(t, 1, c.seen("list services"))
	assert.Empty(t, r.Failures())
}

// TestBookmarkMovesOn: a watch without events goes on from the bookmark, though the version of the list is forgotten.
func TestBookmarkMovesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.happen("ADDED", "services", service("shop", "a", 80))
	r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
	r.UntilAddresses("a.shop.svc:80")
	r.UntilAnswers(2) // of the list and of the watch
	for range 5 {     // of other kinds
		c.happen("ADDED", "pods", object{"metadata": object{"namespace": "shop", "name": "p"}})
	}
	answers := r.Answers()
	c.happen("BOOKMARK", "services", object{"metadata": object{}})
	r.Until("the bookmark", func() bool { return r.Answers() > answers })
	c.mu.Lock()
	c.oldest = c.version
	c.mu.Unlock()
	c.cutAll()
	c.happen("ADDED", "services", service("shop", "b", 80))
	r.UntilAddresses("a.shop.svc:80", "b.shop.svc:80")
	assert.Equal(t, 1, c.seen("list services"))
	assert.Equal(t, 1, c.seen("watch services 107"))
}

// TestGoneListsAgain: for an answer 410, and for an event that says the same.
func TestGoneListsAgain(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(c *cluster){
		"answer": func(c *cluster) {
			c.forget()
			c.cutAll()
		},
		"event": func(c *cluster) {
			c.setFail(func(w http.ResponseWriter, r *http.Request) bool {
				if !r.URL.Query().Has("watch") {
					return false
				}
				c.setFail(nil)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}`)
				return true
			})
			c.cutAll()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.happen("ADDED", "services", service("shop", "a", 80))
			c.happen("ADDED", "services", service("shop", "b", 80))
			r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
			r.UntilAddresses("a.shop.svc:80", "b.shop.svc:80")
			r.UntilAnswers(1)
			c.mu.Lock() // what no watch will tell
			delete(c.stored["services"], "shop/a")
			c.mu.Unlock()
			tell(c)
			r.UntilAddresses("b.shop.svc:80")
			assert.Equal(t, 2, c.seen("list services"))
			assert.Empty(t, r.Failures(), "forgetting is what servers do")
		})
	}
}

// TestForgottenPageBeginsAgain: a list whose next page is gone is no list.
func TestForgottenPageBeginsAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.page = 1
	c.happen("ADDED", "services", service("shop", "a", 80))
	c.happen("ADDED", "services", service("shop", "b", 80))
	forgotten := false
	c.setFail(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("continue") && !forgotten {
			forgotten = true
			c.forget()
		}
		return false
	})
	r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
	r.UntilAnswers(1)
	assert.Equal(t, []string{"a.shop.svc:80", "b.shop.svc:80"}, r.Addresses())
	assert.Equal(t, 2, c.seen("list services"))
}

// TestBrokenAnswersKeepTargets: and count as failures.
func TestBrokenAnswersKeepTargets(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
	}{
		"500":          {func(w http.ResponseWriter) { writeStatus(w, 500, "InternalError") }, "500 Internal Server Error"},
		"forbidden":    {func(w http.ResponseWriter) { writeStatus(w, 403, "Forbidden") }, "403 Forbidden"},
		"page":         {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") }, "not application/json"},
		"no list":      {func(w http.ResponseWriter) { writeStatus(w, 200, "") }, "no list of objects"},
		"cut":          {func(w http.ResponseWriter) { writeJSON(w, `{"metadata":{"resourceVersion":"9"},"items":[{`) }, "unexpected EOF"},
		"null":         {func(w http.ResponseWriter) { writeJSON(w, `null`) }, "no list of objects"},
		"wrong type":   {func(w http.ResponseWriter) { writeJSON(w, `{"metadata":{"resourceVersion":"9"},"items":[{"spec":7}]}`) }, "cannot unmarshal"},
		"without end":  {endless, "larger than any should be"},
		"unauthorized": {func(w http.ResponseWriter) { writeStatus(w, 401, "Unauthorized") }, "401 Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.happen("ADDED", "services", service("shop", "a", 80))
			r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
			r.UntilAddresses("a.shop.svc:80")
			r.UntilAnswers(1)
			c.setFail(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("watch") {
					return false
				}
				tc.answer(w)
				return true
			})
			c.forget()
			c.cutAll()
			r.UntilFailure("services: ")
			assert.Contains(t, r.Failures()[0], tc.want)
			assert.NotContains(t, r.Failures()[0], c.URL)
			assert.Equal(t, []string{"a.shop.svc:80"}, r.Addresses())
			answers := r.Answers()
			c.setFail(nil)
			r.UntilAnswers(answers + 1)
		})
	}
}

func writeJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, text)
}

// endless answers for as long as it is read.
func endless(w http.ResponseWriter) {
	writeJSON(w, `{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"`)
	junk := strings.Repeat("x", 1<<20)
	for {
		if _, err := io.WriteString(w, junk); err != nil {
			return
		}
	}
}

// TestBrokenWatchKeepsTargets: what makes no sense ends the watch, and the next goes on from where it was.
func TestBrokenWatchKeepsTargets(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ event, want string }{
		"unknown event": {`{"type":"WHAT","object":{"metadata":{"name":"a","resourceVersion":"7"}}}`, `event "WHAT" is not known`},
		"no version":    {`{"type":"DELETED","object":{"metadata":{"name":"a","namespace":"shop"}}}`, "no resourceVersion"},
		"wrong type":    {`{"type":"ADDED","object":[]}`, "cannot unmarshal"},
		"error":         {`{"type":"ERROR","object":{"code":500,"reason":"InternalError","message":"no"}}`, "500 InternalError: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.happen("ADDED", "services", service("shop", "a", 80))
			c.setFail(func(w http.ResponseWriter, r *http.Request) bool {
				if !r.URL.Query().Has("watch") {
					return false
				}
				c.setFail(nil)
				writeJSON(w, tc.event)
				return true
			})
			r := sourcetest.Run(t, kubernetes.New(settings(c, "service")))
			r.UntilFailure(tc.want)
			c.happen("ADDED", "services", service("shop", "b", 80))
			r.UntilAddresses("a.shop.svc:80", "b.shop.svc:80")
			assert.Equal(t, 1, c.seen("list services"))
		})
	}
}

func TestNamespacesAndSelectors(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, namespace := range []string{"shop", "bank", "other"} {
		c.happen("ADDED", "services", service(namespace, "a", 80))
	}
	s := settings(c, "service")
	s.Namespaces.Names = []string{"shop", "bank", "shop"}
	s.Selectors = []kubernetes.Selector{{Role: "service", Label: "app=web", Field: "metadata.name=a"}}
	require.NoError(t, s.Validate())
	c.setFail(func(_ http.ResponseWriter, r *http.Request) bool {
		assert.Equal(t, "app=web", r.URL.Query().Get("labelSelector"))
		assert.Equal(t, "metadata.name=a", r.URL.Query().Get("fieldSelector"))
		return false
	})
	r := sourcetest.Run(t, kubernetes.New(s))
	r.UntilAddresses("a.shop.svc:80", "a.bank.svc:80")
	r.UntilAnswers(1)
	assert.Equal(t, 1, c.seen("list services in shop"))
	c.happen("ADDED", "services", service("bank", "b", 80))
	c.happen("ADDED", "services", service("other", "b", 80))
	r.UntilAddresses("a.shop.svc:80", "a.bank.svc:80", "b.bank.svc:80")
}

// TestOneNamespaceForbidden: the others are found, and there is no success.
func TestOneNamespaceForbidden(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.happen("ADDED", "services", service("shop", "a", 80))
	s := settings(c, "service")
	s.Namespaces.Names = []string{"shop", "secret"}
	c.setFail(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/secret/") {
			writeStatus(w, 403, "Forbidden")
			return true
		}
		return false
	})
	r := sourcetest.Run(t, kubernetes.New(s))
	r.UntilAddresses("a.shop.svc:80")
	r.UntilFailure("services in secret: the server answered 403 Forbidden")
	assert.Zero(t, r.Answers())
}
