package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// reflector keeps up with the objects of one kind in one namespace: it lists them, and watches from there. A watch that
// ends goes on with the version that was last heard of. Only when the server does not know that any more is there
// another list.
type reflector[T any] struct {
	api      *api
	parts    *source.Parts
	part     string // of the source, in errors as well
	path     string
	selector url.Values
	meta     func(*T) *meta
	put      func(key string, object *T)
	remove   func(key string)
	listed   func() // called once, when the first list is complete

	version  string
	complete bool
	known    map[string]bool
	pause    source.Backoff
}

// calm is how long a watch lives that is no reason to wait before the next.
const calm = 5 * time.Second

func (r *reflector[T]) run(ctx context.Context) {
	r.known = make(map[string]bool)
	for {
		began := time.Now()
		err := r.step(ctx)
		if ctx.Err() != nil {
			return
		}
		_, cut := errors.AsType[*cutError](err)
		tooLarge := errors.Is(err, errTooLarge)
		switch {
		case errors.Is(err, errGone):
			r.version = ""
		case err != nil && (!cut || tooLarge):
			r.parts.Failed(r.part, fmt.Errorf("%s: %w", r.part, err))
		}
		if tooLarge {
			r.version = "" // no watch gets past such an event
		}
		if time.Since(began) >= calm {
			r.pause.Reset()
		}
		if !source.Sleep(ctx, r.pause.Next()) {
			return
		}
	}
}

// step lists, if there is nothing to go on from, and watches until the watch ends.
func (r *reflector[T]) step(ctx context.Context) error {
	if r.version == "" {
		if err := r.list(ctx); err != nil {
			return err
		}
		if !r.complete {
			r.complete = true
			r.listed()
		}
		r.parts.Answered(r.part)
	}
	return r.api.watch(ctx, r.path, r.selector, r.version, func() { r.parts.Answered(r.part) }, r.take)
}

func (r *reflector[T]) list(ctx context.Context) error {
	seen := make(map[string]bool, len(r.known))
	version, err := list(ctx, r.api, r.path, r.selector, func(items []T) error {
		if len(seen)+len(items) > maxObjects {
			return fmt.Errorf("more than %d objects", maxObjects)
		}
		for i := range items {
			key := r.meta(&items[i]).key()
			seen[key], r.known[key] = true, true
			r.put(key, &items[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key := range r.known {
		if !seen[key] {
			r.remove(key)
		}
	}
	r.known, r.version = seen, version
	return nil
}

// status is what the server says of an error.
type status struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// take applies a change.
func (r *reflector[T]) take(e event) error {
	if e.Type == "ERROR" {
		var s status
		if err := json.Unmarshal(e.Object, &s); err != nil {
			return err
		}
		if s.Code == 410 || s.Reason == "Expired" || s.Reason == "Gone" {
			return errGone
		}
		return fmt.Errorf("the server ended the watch: %d %.40s: %.200s", s.Code, s.Reason, s.Message)
	}
	var object T
	if err := json.Unmarshal(e.Object, &object); err != nil {
		return err
	}
	m := r.meta(&object)
	if m.ResourceVersion == "" {
		return fmt.Errorf("event %.40q has no resourceVersion", e.Type)
	}
	switch key := m.key(); e.Type {
	case "ADDED", "MODIFIED":
		if len(r.known) >= maxObjects && !r.known[key] {
			return fmt.Errorf("more than %d objects", maxObjects)
		}
		r.known[key] = true
		r.put(key, &object)
	case "DELETED":
		delete(r.known, key)
		r.remove(key)
	case "BOOKMARK":
	default:
		return fmt.Errorf("event %.40q is not known", e.Type)
	}
	r.version = m.ResourceVersion
	r.pause.Reset()
	r.parts.Answered(r.part)
	return nil
}
