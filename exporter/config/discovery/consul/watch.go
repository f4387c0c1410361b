package consul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// Of a query: how long the server may wait for a change, and what it may take longer. The server adds up to a sixteenth
// of its wait.
const (
	wait     = 2 * time.Minute
	patience = wait/16 + 15*time.Second
)

// maxServices bounds how many services are watched, each with a request that waits.
const maxServices = 5000

// catalog is the part of the source that is the list of services.
const catalog = "catalog"

// Source finds targets in Consul.
type Source struct {
	config Config
	client *source.Client
}

// New returns the source for a valid configuration.
func New(c Config) *Source {
	if c.Username != "" || c.Password != "" {
		c.HTTPClientConfig.BasicAuth = &config.BasicAuth{Username: c.Username, Password: c.Password}
	}
	return &Source{config: c, client: source.NewClient(c.HTTPClientConfig)}
}

// Run watches until ctx ends.
func (s *Source) Run(ctx context.Context, sink source.Sink) {
	defer s.client.Close()
	var pause source.Backoff
	for err := s.client.Open(); err != nil; err = s.client.Open() {
		sink.Failed(err)
		if !source.Sleep(ctx, pause.Next()) {
			return
		}
	}
	w := &watcher{Source: s, sink: sink, services: make(map[string]*service)}
	defer w.stop()
	if len(s.config.Services) == 0 || len(s.config.Tags) > 0 {
		w.parts = source.NewParts(sink, catalog)
		w.watch(ctx, catalog, "/v1/catalog/services", s.query(true), w.setServices)
		return
	}
	w.parts = source.NewParts(sink)
	for _, name := range s.config.Services {
		w.parts.Add(name)
	}
	for _, name := range s.config.Services {
		w.start(ctx, name)
	}
	<-ctx.Done()
}

// query returns what a request asks for, without the index.
func (s *Source) query(filter bool) url.Values {
	c := &s.config
	q := make(url.Values)
	for name, value := range map[string]string{"dc": c.Datacenter, "ns": c.Namespace, "partition": c.Partition} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for key, value := range c.NodeMeta {
		q.Add("node-meta", key+":"+value)
	}
	if c.AllowStale {
		q.Set("stale", "")
	}
	if filter && c.Filter != "" {
		q.Set("filter", c.Filter)
	}
	return q
}

// watcher is the source while it runs.
type watcher struct {
	*Source
	sink     source.Sink
	parts    *source.Parts
	services map[string]*service
}

// service is one that is watched.
type service struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *service) stop() {
	s.cancel()
	<-s.done
}

func (w *watcher) stop() {
	for _, s := range w.services {
		s.cancel()
	}
	for _, s := range w.services {
		<-s.done
	}
}

func (w *watcher) start(ctx context.Context, name string) {
	if w.services[name] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &service{cancel: cancel, done: make(chan struct{})}
	w.services[name] = s
	query := w.query(false)
	query["tag"] = w.config.Tags
	go func() {
		defer close(s.done)
		w.watch(ctx, name, "/v1/health/service/"+url.PathEscape(name), query, func(_ context.Context, decode func(any) error) error {
			var instances []instance
			if err := decode(&instances); err != nil {
				return err
			}
			if instances == nil {
				return errors.New("the answer is no list")
			}
			w.sink.Set(name, w.targets(name, instances))
			return nil
		})
	}()
}

// setServices watches the services of the catalog that are wanted, and no others.
func (w *watcher) setServices(ctx context.Context, decode func(any) error) error {
	var tags map[string][]string
	if err := decode(&tags); err != nil {
		return err
	}
	if tags == nil {
		return errors.New("the answer is no list of services")
	}
	var wanted []string
	for name, has := range tags {
		if w.wants(name, has) {
			wanted = append(wanted, name)
		}
	}
	slices.Sort(wanted)
	var err error
	if n := len(wanted); n > maxServices {
		err = fmt.Errorf("%d services are more than %d; the others are left out", n, maxServices)
		wanted = wanted[:maxServices]
	}
	for name, s := range w.services {
		if _, found := slices.BinarySearch(wanted, name); !found {
			s.stop()
			delete(w.services, name)
			w.parts.Remove(name)
			w.sink.Set(name, nil)
		}
	}
	for _, name := range wanted {
		w.parts.Add(name)
		w.start(ctx, name)
	}
	return err
}

func (w *watcher) wants(name string, has []string) bool {
	if names := w.config.Services; len(names) > 0 && !slices.Contains(names, name) {
		return false
	}
	return !slices.ContainsFunc(w.config.Tags, func(tag string) bool { return !slices.Contains(has, tag) })
}

// watch asks for a path, and then for what comes after the last answer, until ctx ends.
func (w *watcher) watch(ctx context.Context, part, path string, query url.Values, use func(context.Context, func(any) error) error) {
	var index uint64
	var pause source.Backoff
	for {
		began := time.Now()
		next, err := w.ask(ctx, path, query, index, func(decode func(any) error) error { return use(ctx, decode) })
		if ctx.Err() != nil {
			return
		}
		rest := w.config.RefreshInterval - time.Since(began)
		if err != nil {
			index = 0 // what was asked for was perhaps not understood
			w.parts.Failed(part, fmt.Errorf("%s: %w", part, err))
			rest = pause.Next()
		} else {
			index = next
			pause.Reset()
			w.parts.Answered(part)
		}
		if !source.Sleep(ctx, rest) {
			return
		}
	}
}

// ask makes one request, and returns the index to go on with. It calls use unless nothing has changed.
func (w *watcher) ask(ctx context.Context, path string, query url.Values, index uint64, use func(func(any) error) error) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+patience)
	defer cancel()
	if index > 0 {
		query.Set("index", strconv.FormatUint(index, 10))
		query.Set("wait", strconv.Itoa(int(wait/time.Second))+"s")
	} else {
		query.Del("index")
		query.Del("wait")
	}
	header := make(http.Header)
	if w.config.Token != "" {
		header.Set("X-Consul-Token", string(w.config.Token))
	}
	address := w.config.Scheme + "://" + w.config.Server + w.config.PathPrefix + path + "?" + query.Encode()
	res, err := w.client.Get(ctx, address, header)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	next, _ := strconv.ParseUint(res.Header.Get("X-Consul-Index"), 10, 64)
	if next < index {
		next = 0 // of a server that was set up again, or restored: ask without waiting
	}
	data, err := source.ReadList(res.Body)
	if err != nil {
		return 0, source.Bare(err)
	}
	if next != 0 && next == index { // the wait has passed
		return next, nil
	}
	return next, use(func(v any) error { return json.Unmarshal(data, v) })
}
