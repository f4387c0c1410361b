package kubernetes

import (
	"context"
	"net/url"
	"sync"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// Source finds targets in a cluster.
type Source struct{ config Config }

// New returns the source for a valid configuration.
func New(c Config) *Source { return &Source{c} }

// Run watches until ctx ends.
func (s *Source) Run(ctx context.Context, sink source.Sink) {
	var pause source.Backoff
	a, err := s.open()
	for ; err != nil; a, err = s.open() {
		sink.Failed(err)
		if !source.Sleep(ctx, pause.Next()) {
			return
		}
	}
	defer a.client.Close()
	w := &watcher{Source: s, api: a, sink: sink, parts: source.NewParts(sink)}
	var running sync.WaitGroup
	for _, run := range w.reflectors() {
		running.Go(func() { run(ctx) })
	}
	running.Wait()
}

// watcher is the source while it runs.
type watcher struct {
	*Source
	api   *api
	sink  source.Sink
	parts *source.Parts
}

// Where the API has the objects of a role.
const (
	coreAPI      = "/api/v1"
	networkAPI   = "/apis/networking.k8s.io/v1"
	discoveryAPI = "/apis/discovery.k8s.io/v1"
)

func (w *watcher) reflectors() []func(context.Context) {
	switch w.config.Role {
	case "service":
		return simple(w, coreAPI, "services", (*service).meta, (*service).targets)
	case "ingress":
		return simple(w, networkAPI, "ingresses", (*ingress).meta, (*ingress).targets)
	case "pod":
		return simple(w, coreAPI, "pods", (*pod).meta, (*pod).targets)
	case "node":
		return simple(w, coreAPI, "nodes", (*node).meta, (*node).targets)
	default:
		return newJoin(w).reflectors()
	}
}

// simple returns the reflectors of a role whose targets need nothing but the object.
func simple[T any](w *watcher, group, resource string, meta func(*T) *meta, targets func(*T) []labels.Labels) []func(context.Context) {
	return reflectors(w, w.config.Role, group, resource, reflector[T]{
		meta:   meta,
		put:    func(key string, object *T) { w.sink.Set(key, targets(object)) },
		remove: func(key string) { w.sink.Set(key, nil) },
		listed: func() {},
	})
}

// reflectors returns one like the given for each namespace.
func reflectors[T any](w *watcher, role, group, resource string, like reflector[T]) []func(context.Context) {
	selector := make(url.Values)
	for _, s := range w.config.Selectors {
		if s.Role == role && s.Label != "" {
			selector.Set("labelSelector", s.Label)
		}
		if s.Role == role && s.Field != "" {
			selector.Set("fieldSelector", s.Field)
		}
	}
	var runs []func(context.Context)
	for _, namespace := range w.api.namespaces {
		r := like
		r.api, r.parts, r.selector = w.api, w.parts, selector
		r.path, r.part = group+"/"+resource, resource
		if namespace != "" {
			r.path, r.part = group+"/namespaces/"+namespace+"/"+resource, resource+" in "+namespace
		}
		w.parts.Add(r.part)
		runs = append(runs, r.run)
	}
	return runs
}
