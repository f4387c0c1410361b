package discovery_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
)

// TestAnnotations runs the targets and rules of the documented example against objects such as it speaks of.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "examples", "kubernetes-annotations.md"))
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(text), "```yaml\nchecks:\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```")
	var example struct {
		Checks []struct {
			Targets []discovery.Config `yaml:"targets"`
			Relabel []*relabel.Config  `yaml:"relabel"`
		} `yaml:"checks"`
	}
	require.NoError(t, yaml.Load([]byte("checks:\n"+block), &example))
	objects := map[string]string{
		"services": `{"metadata":{"namespace":"shop","name":"all","annotations":{"healthcheck":"true"}},"spec":{"ports":[
				{"name":"http","protocol":"TCP","port":80},{"name":"https-web","protocol":"TCP","port":443},{"name":"dns","protocol":"UDP","port":53}]}},
			{"metadata":{"namespace":"shop","name":"one","annotations":{"healthcheck":"true","healthcheck-path":"/healthz","healthcheck-port":"8080","healthcheck-scheme":"https"}},
				"spec":{"ports":[{"protocol":"TCP","port":80},{"protocol":"TCP","port":8080}]}},
			{"metadata":{"namespace":"shop","name":"no","annotations":{"healthcheck":"false"}},"spec":{"ports":[{"protocol":"TCP","port":80}]}},
			{"metadata":{"namespace":"shop","name":"none"},"spec":{"ports":[{"protocol":"TCP","port":80}]}}`,
		"ingresses": `{"metadata":{"namespace":"shop","name":"web","annotations":{"healthcheck":"true"}},"spec":{"tls":[{"hosts":["shop.example.com"]}],"rules":[
				{"host":"shop.example.com","http":{"paths":[{"path":"/a"},{"path":"/b"}]}},{"host":"*.example.com"},{}]}},
			{"metadata":{"namespace":"bank","name":"web","annotations":{"healthcheck":"true","healthcheck-path":"/up"}},"spec":{"rules":[{"host":"bank.example.com"}]}}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Has("watch") {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"1"},"items":[`+objects[filepath.Base(r.URL.Path)]+`]}`)
	}))
	t.Cleanup(s.Close)
	var specs []discovery.Spec
	for i, c := range example.Checks {
		c.Targets[0].Kubernetes.APIServer = s.URL
		specs = append(specs, discovery.Spec{Check: []string{"service", "ingress"}[i], Sources: c.Targets, Relabel: c.Relabel})
	}
	found, _, err := discovery.Find(t.Context(), specs, discovery.Options{})
	require.NoError(t, err)
	checks := func(name string) []string {
		var all []string
		for _, target := range found[name] {
			assert.Len(t, target.Labels, 3)
			all = append(all, target.Labels["namespace"]+" "+target.Labels["name"]+" "+target.Labels["url"])
		}
		slices.Sort(all)
		return all
	}
	assert.Equal(t, []string{
		"shop shop-all-443 https://all.shop.svc:443/", "shop shop-all-80 http://all.shop.svc:80/",
		"shop shop-one-8080 https://one.shop.svc:8080/healthz",
	}, checks("service"))
	assert.Equal(t, []string{"bank bank-bank.example.com http://bank.example.com/up", "shop shop-shop.example.com https://shop.example.com/"}, checks("ingress"))
}
