package manual

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/kind"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

func allKinds() map[string]reflect.Type {
	kinds := make(map[string]reflect.Type)
	for name, k := range kind.All() {
		kinds[name] = k.Config
	}
	return kinds
}

// place is where a node stands in a configuration.
type place struct {
	wrap func(v any) any // the configuration with v there
	path string          // as in an error
	base map[string]any  // what the mapping there needs beside a key of it
	home string          // the package whose types have no description of their own
}

func (p place) with(base map[string]any) place {
	if p.base == nil {
		p.base = base
	}
	return p
}

func (p place) below(key string) place {
	return place{home: p.home, path: strings.TrimPrefix(p.path+"."+key, "."), wrap: func(v any) any {
		mapping := maps.Clone(p.base)
		if mapping == nil {
			mapping = make(map[string]any)
		}
		mapping[key] = v
		return p.wrap(mapping)
	}}
}

func (p place) item() place {
	return place{home: p.home, path: p.path + "[0]", wrap: func(v any) any { return p.wrap([]any{v}) }}
}

// prober asks the decoder.
type prober struct{ options config.Options }

// ask returns what is wrong with a configuration, by path.
func (p *prober) ask(document any) map[string]string {
	data, err := json.Marshal(document) // which is YAML too
	if err != nil {
		panic(err) // what is asked comes from here
	}
	_, err = config.Parse("c.yml", data, p.options)
	found := make(map[string]string)
	collect(err, found)
	return found
}

func collect(err error, found map[string]string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			collect(e, found)
		}
	} else if e, ok := errors.AsType[*config.Error](err); ok && found[e.Path] == "" {
		found[e.Path] = e.Err.Error()
	}
}

// at returns what is wrong with v in a place.
func (p *prober) at(at place, v any) string { return p.ask(at.wrap(v))[at.path] }

// What the decoder and the constructors say.
var (
	saysMissing = regexp.MustCompile(`^(?:is missing|is empty; list )`)
	saysOneOf   = regexp.MustCompile(`\bis not one of (.+)$`)
	saysWant    = regexp.MustCompile(`\bwant one of \[(".+")\]$`)
	saysBetween = regexp.MustCompile(`\bis not between (\S+) and (\S+)$`)
	saysTooMany = regexp.MustCompile(`^more than (\d+) `)
)

const nonsense = "no-such-word"

// learn asks the decoder which values it takes for a node.
func (m *Manual) learn(n *Node, at place) {
	p := m.prober
	switch n.Shape.Sort {
	case settings.SortText, settings.SortOwnText:
		if choices := choicesIn(p.at(at, nonsense)); choices != nil && n.Choices == nil {
			n.Choices = choices
			n.AnyCase = choicesIn(p.at(at, otherCase(choices[0]))) == nil
		}
	case settings.SortInteger:
		low, high := limits(n.Shape.Type)
		n.Low, n.High = m.bounds(at, low, high)
		n.Zero = n.Low != "" && p.at(at, 0) == ""
	case settings.SortDuration:
		n.Low, n.High = m.bounds(at, "-1ns", "2000000h")
		n.Zero = n.Low != "" && p.at(at, "0s") == ""
	default:
	}
}

// choicesIn returns the choices that a mistake names.
func choicesIn(text string) []string {
	if says := saysOneOf.FindStringSubmatch(text); says != nil {
		return strings.Split(says[1], ", ")
	}
	if says := saysWant.FindStringSubmatch(text); says != nil {
		return strings.Split(strings.Trim(says[1], `"`), `" "`)
	}
	return nil
}

// learnLength asks how many items a list may have.
func (m *Manual) learnLength(n *Node, at place) {
	const many = 2000
	items := make([]any, many)
	for i := range items {
		if items[i] = n.Elem.example(); items[i] == nil {
			items[i] = "x" + strconv.Itoa(i)
		}
	}
	if says := saysTooMany.FindStringSubmatch(m.prober.at(at, items)); says != nil {
		n.MaxItems, _ = strconv.Atoi(says[1])
	}
}

// bounds returns the bounds of a number, or of a duration, that is refused when it is far too low or high.
func (m *Manual) bounds(at place, tooLow, tooHigh any) (low, high string) {
	for _, v := range []any{tooLow, tooHigh} {
		text := m.prober.at(at, v)
		if says := saysBetween.FindStringSubmatch(text); says != nil {
			return says[1], says[2]
		}
		if v == tooLow && strings.HasSuffix(text, " is negative") {
			low = "0"
		}
	}
	return low, ""
}

// limits returns numbers near the ends of what a type holds.
func limits(t reflect.Type) (low, high int64) {
	if t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uintptr {
		return 0, min(math.MaxInt64, int64(1)<<min(62, t.Bits())-1)
	}
	return -1 << (t.Bits() - 1), 1<<(t.Bits()-1) - 1
}

func otherCase(s string) string {
	if lower := strings.ToLower(s); lower != s {
		return lower
	}
	return strings.ToUpper(s)
}

// require asks which keys must be there.
func (m *Manual) require(n *Node, at place) {
	found := m.prober.ask(at.wrap(map[string]any{}))
	for _, k := range n.Keys {
		k.Required = k.Required || saysMissing.MatchString(found[at.below(k.Name).path])
	}
}
