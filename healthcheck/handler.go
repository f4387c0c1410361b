package healthcheck

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// This file is the only place that knows the format of /status.

const contentType = "application/json; charset=utf-8"

// Identity is the name and version that /status shows. An empty version is left out.
type Identity struct {
	Name, Version string
}

// StatusHandler serves the status of a registry as the agent SDK's JSON: the level of the whole and all checks, with
// 200, or 503 when the level is FAIL. It runs no check. Identity is called for each request; nil means no name.
// The document is rendered anew only when something changed.
func StatusHandler(r *Registry, identity func() Identity) http.Handler {
	if identity == nil {
		identity = func() Identity { return Identity{} }
	}
	d := &document{registry: r}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, level := d.render(identity())
		writeJSON(w, level, body)
	})
}

// CheckHandler serves the status of one check of a registry, named by the path value "endpoint", with 200, or 503
// when it is FAIL. An unknown endpoint is 404.
func CheckHandler(r *Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s, ok := r.Lookup(req.PathValue("endpoint"))
		if !ok {
			http.NotFound(w, req)
			return
		}
		st := s.Status()
		writeJSON(w, st.Result, appendStatus(nil, st))
	})
}

func writeJSON(w http.ResponseWriter, level StatusLevel, body []byte) {
	w.Header().Set("Content-Type", contentType)
	if level == FAIL {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(body) //nolint:gosec // JSON, and said to be; a client that has gone needs no answer
}

// document keeps the last rendering of /status. Appending each check onto one buffer costs a fifth of encoding/json,
// and nothing while no check changes.
type document struct {
	registry *Registry

	mu       sync.Mutex
	rendered bool
	visible  uint64 // Registry.visible when it was rendered
	identity Identity
	body     []byte // never written again once returned
	level    StatusLevel
}

func (d *document) render(id Identity) ([]byte, StatusLevel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Read before the checks are: a change in between is rendered now and once more.
	visible := d.registry.visible.Load()
	if d.rendered && d.visible == visible && d.identity == id {
		return d.body, d.level
	}
	d.body, d.level = appendDocument(make([]byte, 0, len(d.body)+len(d.body)/16+256), id, d.registry)
	d.visible, d.identity, d.rendered = visible, id, true
	return d.body, d.level
}

// appendDocument appends the document, and returns the level that it shows.
func appendDocument(b []byte, id Identity, r *Registry) ([]byte, StatusLevel) {
	b = append(b, `{"name":`...)
	b = appendString(b, id.Name)
	if id.Version != "" {
		b = append(b, `,"version":`...)
		b = appendString(b, id.Version)
	}
	b = append(b, `,"status":"`...)
	at := len(b) // the level is known when all checks have been seen
	b = append(b, levelSpace+`","statusChecks":{`...)
	level := OK
	if !r.Ready() {
		level = FAIL
	}
	entries := r.view()
	for i, e := range entries {
		fetchNext(entries, i)
		if i > 0 {
			b = append(b, ',')
		}
		e.mu.Lock()
		check, plain, status := e.state.Check, e.state.plain, e.state.Status()
		if e.state.failsWhole() {
			level = FAIL
		}
		e.mu.Unlock()
		add := appendString
		if plain {
			add = appendPlain
		}
		b = add(b, check.Endpoint)
		b = append(b, `:{"name":`...)
		b = add(b, check.Name)
		b = append(b, `,"endpoint":`...)
		b = add(b, check.Endpoint)
		b = append(b, `,"status":`...)
		b = appendStatus(b, status)
		b = append(b, '}')
	}
	b = append(b, "}}"...)
	return slices.Replace(b, at, at+len(levelSpace), []byte(level)...), level
}

// levelSpace holds the place of the level in a document.
const levelSpace = string(FAIL)

func appendStatus(b []byte, s Status) []byte {
	if s == (Status{Result: OK}) { // most
		return append(b, `{"result":"OK"}`...)
	}
	b = append(b, `{"result":`...)
	b = appendString(b, string(s.Result))
	if s.Details != "" {
		b = append(b, `,"details":`...)
		b = appendString(b, s.Details)
	}
	return append(b, '}')
}

// appendString appends s as encoding/json writes it, HTML escaped.
func appendString(b []byte, s string) []byte {
	if isPlain(s) {
		return appendPlain(b, s)
	}
	quoted, err := json.Marshal(s)
	if err != nil { // a string always marshals
		quoted = []byte(`""`)
	}
	return append(b, quoted...)
}

// appendPlain is appendString for a string that is known to need no escaping.
func appendPlain(b []byte, s string) []byte {
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// isPlain reports whether s needs no escaping.
func isPlain(s string) bool {
	for i := range len(s) {
		if !plainBytes[s[i]] {
			return false
		}
	}
	return true
}

// plainBytes tells the bytes that stand for themselves in JSON, HTML escaped.
var plainBytes = func() (is [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		is[c] = strings.IndexByte(`"\<>&`, c) < 0
	}
	return is
}()
