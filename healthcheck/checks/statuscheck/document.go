package statuscheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Bounds on a document.
const (
	MaxDocumentBytes = 16 << 20 // as package healthcheck's own client takes, and more than 100,000 checks need
	MaxComponents    = 200_000
	maxEndpointBytes = 256
)

// Document is a status document.
type Document struct {
	Name, Version string // empty where the document has none
	Status        healthcheck.StatusLevel
	Components    []Component // in the order of the document
}

// Component is an entry of statusChecks: one check of the process that the document is from.
type Component struct {
	Endpoint string // the key of the entry; never empty
	Name     string // empty where the document has none
	Status   healthcheck.Status
}

// Decode reads a status document, all of r. What strangers send is taken strictly: status and statusChecks must be
// there, known members must have their type and none may be given twice, and nothing may follow the document. Members
// that are not known are passed over. Errors quote no more of the document than names.
func Decode(r io.Reader) (Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxDocumentBytes+1))
	switch {
	case err != nil:
		return Document{}, err
	case len(data) > MaxDocumentBytes:
		return Document{}, fmt.Errorf("is longer than %d bytes", MaxDocumentBytes)
	}
	return decode(context.Background(), data)
}

// decode is Decode for a document that is in memory. It ends with ctx.
func decode(ctx context.Context, data []byte) (Document, error) {
	switch {
	case len(data) == 0:
		return Document{}, errors.New("is empty")
	case !utf8.Valid(data):
		return Document{}, errors.New("is not UTF-8")
	}
	// Validity first: reading token by token lets some mistakes pass.
	if !json.Valid(data) {
		var none json.RawMessage
		err := json.Unmarshal(data, &none)
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			return Document{}, fmt.Errorf("is not JSON: %w at byte %d", err, e.Offset)
		}
		return Document{}, fmt.Errorf("is not JSON: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Document{}, err
	}
	d := decoder{json.NewDecoder(bytes.NewReader(data)), ctx.Err}
	return d.document()
}

// decoder reads valid JSON token by token. Package json alone would take the last of two equal names, and names in
// any case.
type decoder struct {
	*json.Decoder
	ended func() error // why the run is over, or nil
}

func (d decoder) document() (Document, error) {
	var doc Document
	var hasStatus, hasComponents bool
	err := d.object(func(member string) (err error) {
		switch member {
		case "name":
			doc.Name, err = d.string()
		case "version":
			doc.Version, err = d.string()
		case "status":
			hasStatus = true
			doc.Status, err = d.level()
		case "statusChecks":
			hasComponents = true
			doc.Components, err = d.components()
		default:
			err = d.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return Document{}, err
	case !hasStatus || doc.Status == "":
		return Document{}, errors.New("has no status")
	case !hasComponents:
		return Document{}, errors.New("has no statusChecks")
	}
	return doc, nil
}

func (d decoder) components() ([]Component, error) {
	var list []Component
	err := d.object(func(endpoint string) error {
		switch {
		case endpoint == "":
			return errors.New("is a component without an endpoint")
		case len(endpoint) > maxEndpointBytes:
			return fmt.Errorf("is an endpoint of more than %d bytes", maxEndpointBytes)
		case len(list) == MaxComponents:
			return fmt.Errorf("is one of more than %d components", MaxComponents)
		case len(list)%1024 == 0 && d.ended() != nil:
			return d.ended()
		}
		c, err := d.component(endpoint)
		list = append(list, c)
		return err
	})
	return list, err
}

func (d decoder) component(endpoint string) (Component, error) {
	c := Component{Endpoint: endpoint}
	hasStatus := false
	err := d.object(func(member string) (err error) {
		switch member {
		case "name":
			c.Name, err = d.string()
		case "status":
			hasStatus = true
			c.Status, err = d.status()
		default: // "endpoint" says again what the key has said
			err = d.skip()
		}
		return err
	})
	if err == nil && !hasStatus {
		err = errors.New("has no status")
	}
	return c, err
}

func (d decoder) status() (healthcheck.Status, error) {
	var s healthcheck.Status
	hasResult := false
	err := d.object(func(member string) (err error) {
		switch member {
		case "result":
			hasResult = true
			s.Result, err = d.level()
		case "details":
			s.Details, err = d.string()
		default:
			err = d.skip()
		}
		return err
	})
	if err == nil && !hasResult {
		err = errors.New("has no result")
	}
	return s, err
}

func (d decoder) level() (healthcheck.StatusLevel, error) {
	s, err := d.string()
	return healthcheck.StatusLevel(s), err
}

// object reads an object and calls member, which reads the value, for each name in it.
func (d decoder) object(member func(name string) error) error {
	t, err := d.Token()
	if err == nil && t != json.Delim('{') {
		err = errors.New("must be an object")
	}
	if err != nil {
		return err
	}
	var seen names
	for d.More() {
		name, err := d.string()
		if err != nil {
			return err
		}
		if !seen.add(name) {
			return fmt.Errorf("%q is there twice", name)
		}
		if err := member(name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	_, err = d.Token()
	return err
}

// names is a set. Nearly all objects have a few members, for which a map would cost more than the rest of them.
type names struct {
	few  []string
	many map[string]struct{}
}

// add reports whether the name is new.
func (n *names) add(name string) bool {
	if n.many == nil && len(n.few) < 8 {
		if slices.Contains(n.few, name) {
			return false
		}
		n.few = append(n.few, name)
		return true
	}
	if n.many == nil {
		n.many = make(map[string]struct{})
		for _, old := range n.few {
			n.many[old] = struct{}{}
		}
	}
	before := len(n.many)
	n.many[name] = struct{}{}
	return len(n.many) > before
}

func (d decoder) string() (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("must be a string")
	}
	return s, nil
}

func (d decoder) skip() error {
	var value json.RawMessage
	return d.Decode(&value)
}
