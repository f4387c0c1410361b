package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v4"
)

// MaxList bounds the size of a list of targets, in bytes.
const MaxList = 32 << 20

// group is an item of the list in the form of Prometheus' [file] and [HTTP] discovery.
//
// [file]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
// [HTTP]: https://prometheus.io/docs/prometheus/latest/http_sd/
type group struct {
	Targets []string          `json:"targets" yaml:"targets"`
	Labels  map[string]string `json:"labels" yaml:"labels"`
}

var (
	errTooLarge = fmt.Errorf("more than %d MiB", MaxList>>20)
	// A file that somebody is about to write is empty; a list without targets has brackets.
	errNoList = errors.New("holds no list; one without targets is []")
)

// ReadList reads all that there is, up to [MaxList].
func ReadList(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxList+1))
	if err == nil && len(data) > MaxList {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ParseJSON returns the targets of a list in JSON. All of them have the label extra with the given value.
func ParseJSON(data []byte, extra, value string) ([]labels.Labels, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var list []*group
	if err := decoder.Decode(&list); err != nil {
		if errors.Is(err, io.EOF) {
			err = errNoList
		}
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the list")
	}
	return targets(list, extra, value)
}

// ParseYAML is [ParseJSON] for YAML.
func ParseYAML(data []byte, extra, value string) ([]labels.Labels, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errNoList
	}
	var list []*group
	if err := yaml.Load(data, &list, yaml.WithKnownFields()); err != nil {
		return nil, err
	}
	return targets(list, extra, value)
}

func targets(list []*group, extra, value string) ([]labels.Labels, error) {
	if list == nil {
		return nil, errNoList
	}
	n := 0
	for i, g := range list {
		if g == nil {
			return nil, fmt.Errorf("item %d is empty", i+1)
		}
		n += len(g.Targets)
	}
	found := make([]labels.Labels, 0, n)
	var b Builder
	for i, g := range list {
		b.Reset()
		for _, name := range slices.Sorted(maps.Keys(g.Labels)) {
			if !model.UTF8Validation.IsValidLabelName(name) {
				return nil, fmt.Errorf("item %d: %.40q is not the name of a label", i+1, name)
			}
			b.Add(name, g.Labels[name])
		}
		b.Add(extra, value)
		b.Common()
		for _, address := range g.Targets {
			if address == "" {
				return nil, fmt.Errorf("item %d has an empty target", i+1)
			}
			found = append(found, b.Target(address))
		}
	}
	return found, nil
}
