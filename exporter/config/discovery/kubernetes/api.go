package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// serviceAccount is where a pod has its token, which is replaced before it expires, and the authority of the API.
//
// See https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/.
var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// Bounds of an answer: objects a page, bytes of a page and of an event, and objects of one kind. An object is at most
// 1.5 MiB large where it is stored.
const (
	pageSize   = 250
	maxPage    = 64 << 20
	maxEvent   = 8 << 20
	maxObjects = 200_000
)

// How long an answer may take: a page, and, beyond what the server was asked for, the answer to a watch, which has no
// end of its own if the network forgets it.
const (
	pageTimeout   = time.Minute
	watchTimeout  = 5 * time.Minute
	watchPatience = 30 * time.Second
)

// api is the API of a cluster.
type api struct {
	base       string
	client     *source.Client
	namespaces []string // "" for all
}

// open returns the API, once all is there that it needs.
func (s *Source) open() (*api, error) {
	a := &api{base: strings.TrimSuffix(s.config.APIServer, "/"), namespaces: slices.Clone(s.config.Namespaces.Names)}
	settings := s.config.HTTPClientConfig
	if a.base == "" {
		host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return nil, errors.New("this is no pod: KUBERNETES_SERVICE_HOST and _PORT are not set; give api_server")
		}
		a.base = "https://" + net.JoinHostPort(host, port)
		settings = config.DefaultHTTPClientConfig
		settings.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: filepath.Join(serviceAccount, "token")}
		settings.TLSConfig.CAFile = filepath.Join(serviceAccount, "ca.crt")
	}
	if s.config.Namespaces.Own {
		name, err := os.ReadFile(filepath.Join(serviceAccount, "namespace"))
		if err != nil {
			return nil, err
		}
		a.namespaces = append(a.namespaces, strings.TrimSpace(string(name)))
	}
	slices.Sort(a.namespaces)
	a.namespaces = slices.Compact(a.namespaces)
	if len(a.namespaces) == 0 || s.config.Role == "node" {
		a.namespaces = []string{""}
	}
	a.client = source.NewClient(settings)
	return a, a.client.Open()
}

// errGone is an answer that says that what was asked for is too old.
var errGone = errors.New("the server has forgotten what it was asked for (410 Gone)")

func (a *api) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	res, err := a.client.Get(ctx, a.base+path+"?"+query.Encode(), http.Header{"Accept": {"application/json"}})
	if status, ok := errors.AsType[source.StatusError](err); ok && status == http.StatusGone {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the answer is %.80q, not application/json", kind)
	}
	return res.Body, nil
}

// page is a part of a list.
type page[T any] struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	} `json:"metadata"`
	Items []T `json:"items"`
}

// list calls use with the objects of each page, and returns the version of the whole.
func list[T any](ctx context.Context, a *api, path string, selector url.Values, use func([]T) error) (string, error) {
	query := copyOf(selector)
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		p, err := getPage[T](ctx, a, path, query)
		if err != nil {
			return "", err
		}
		if p.Metadata.ResourceVersion == "" || p.Items == nil {
			return "", errors.New("the answer is no list of objects")
		}
		if err := use(p.Items); err != nil {
			return "", err
		}
		if p.Metadata.Continue == "" {
			return p.Metadata.ResourceVersion, nil
		}
		query.Set("continue", p.Metadata.Continue)
	}
}

func getPage[T any](ctx context.Context, a *api, path string, query url.Values) (p page[T], err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	body, err := a.get(ctx, path, query)
	if err != nil {
		return p, err
	}
	defer body.Close()
	err = json.NewDecoder(&bounded{r: body, left: maxPage}).Decode(&p)
	return p, source.Bare(err)
}

// event is a change that a watch tells of.
type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// watch calls open when the server has taken up the watch, and use with each change since a version, until the server
// ends it, which is no error, or something goes wrong.
func (a *api) watch(ctx context.Context, path string, selector url.Values, version string, open func(), use func(event) error) error {
	timeout := watchTimeout + rand.N(watchTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout+watchPatience)
	defer cancel()
	query := copyOf(selector)
	query.Set("watch", "1")
	query.Set("allowWatchBookmarks", "true")
	query.Set("resourceVersion", version)
	query.Set("timeoutSeconds", strconv.Itoa(int(timeout/time.Second)))
	body, err := a.get(ctx, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	open()
	r := &bounded{r: body}
	decoder := json.NewDecoder(r)
	for {
		r.left = maxEvent
		var e event
		switch err := decoder.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &cutError{source.Bare(err)}
		}
		if err := use(e); err != nil {
			return err
		}
	}
}

// cutError is one of a watch that was taken up, and lost.
type cutError struct{ error }

func (e *cutError) Unwrap() error { return e.error }

// bounded reads no more than what is left.
type bounded struct {
	r    io.Reader
	left int
}

var errTooLarge = errors.New("the answer is larger than any should be")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func copyOf(v url.Values) url.Values {
	c := make(url.Values, len(v)+4)
	for name, values := range v {
		c[name] = values
	}
	return c
}
