package settings

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

func (d *decoder) decodeScalar(n *yaml.Node, v reflect.Value, t *typeInfo) {
	text, expanded, ok := d.text(n, t)
	if !ok {
		return
	}
	// Quotes make a text of what would be a number. With references they may be needed, so they mean nothing there.
	typed := func(tags ...string) bool { return expanded || slices.Contains(tags, n.Tag) }
	switch t.form {
	case formString:
		v.SetString(text)
	case formText:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			d.reportForeign(err)
		}
	case formDuration:
		d.decodeDuration(n, v, text)
	case formTime:
		d.decodeTime(n, v, text)
	case formBool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil || len(text) < len("true") || !typed("!!bool") {
			d.wantScalar("true or false", n)
			return
		}
		v.SetBool(b)
	case formInt, formUint:
		if !typed("!!int") {
			d.wantScalar("a whole number", n)
			return
		}
		d.decodeInteger(n, v, text)
	case formFloat:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || !typed("!!int", "!!float") {
			d.wantScalar("a number", n)
			return
		}
		v.SetFloat(f)
	default:
	}
}

func (d *decoder) decodeDuration(n *yaml.Node, v reflect.Value, text string) {
	duration, err := time.ParseDuration(text)
	if err != nil {
		days, err := model.ParseDuration(text)
		if err != nil {
			d.wantScalar("a duration with its unit, such as 30s or 1m30s", n)
			return
		}
		duration = time.Duration(days)
	}
	v.SetInt(int64(duration))
}

// decodeTime takes a time as in RFC 3339, and makes it one of UTC, so that equal times are equal values.
func (d *decoder) decodeTime(n *yaml.Node, v reflect.Value, text string) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		d.wantScalar("a time with date and offset, such as 2026-12-24T18:00:00+01:00", n)
		return
	}
	v.Set(reflect.ValueOf(t.UTC()))
}

func (d *decoder) decodeInteger(n *yaml.Node, v reflect.Value, text string) {
	base := 10
	if unsigned := strings.TrimLeft(text, "+-"); len(unsigned) > 1 && unsigned[0] == '0' {
		if unsigned[1] >= '0' && unsigned[1] <= '9' {
			d.Errorf("%s could be octal or decimal; drop the leading 0", show(n))
			return
		}
		base = 0
	}
	var err error
	var outOfRange bool
	if v.CanInt() {
		var i int64
		i, err = strconv.ParseInt(text, base, 64)
		outOfRange = errors.Is(err, strconv.ErrRange) || v.OverflowInt(i)
		v.SetInt(i)
	} else {
		var u uint64
		u, err = strconv.ParseUint(text, base, 64)
		outOfRange = errors.Is(err, strconv.ErrRange) || v.OverflowUint(u) || strings.HasPrefix(text, "-")
		v.SetUint(u)
	}
	switch {
	case outOfRange:
		d.Errorf("%s is out of range", show(n))
	case err != nil:
		d.wantScalar("a whole number", n)
	}
}

// text returns the text of a scalar with its references expanded. It reports what is not a scalar with a value.
func (d *decoder) text(n *yaml.Node, info *typeInfo) (text string, expanded, ok bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.want(wanted[info.form], n)
		return "", false, false
	case document.IsNull(n):
		d.Report(errNoValue)
		return "", false, false
	}
	t := d.table.Of(n)
	switch {
	case t == nil:
		return n.Value, false, true
	case t.Err != nil:
		for _, e := range document.Flatten(t.Err) {
			d.Report(e)
		}
		return "", false, false
	case t.OfTarget() && !d.ofTarget:
		d.Report(errNoTarget)
		return "", false, false
	}
	if t.OfSteps() && d.stepDepth == 0 {
		d.Report(errNoStep)
		return "", false, false
	}
	d.expansions = append(d.expansions, t.Expansions...)
	if d.stepDepth > 0 {
		return t.Template(), len(t.Expansions) > 0, true
	}
	return t.Value, len(t.Expansions) > 0, true
}

var (
	errNoTarget = errors.New(`${target...} stands for something only in a check that has "targets:"`)
	errNoStep   = errors.New(`${step...} stands for something only in the steps of a check; write "$${" for a literal "${"`)
)

var knownTags = []string{"!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!seq", "!!map"}

var wanted = [...]string{
	formText: "a text", formString: "a text", formDuration: "a duration such as 30s", formTime: "a time such as 2026-12-24T18:00:00+01:00",
	formBool: "true or false", formInt: "a whole number", formUint: "a whole number", formFloat: "a number",
}

// want reports that n is not the sort of value that is wanted.
func (d *decoder) want(what string, n *yaml.Node) {
	if document.IsNull(n) {
		d.Report(errNoValue)
		return
	}
	d.Errorf("want %s, not %s", what, sortOf(n))
}

// wantScalar is want where a number, a truth, a time or a duration is wanted. What looks like one of these is no secret
// there, and shown.
func (d *decoder) wantScalar(what string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && (scalarLike.MatchString(n.Value) || soleReference.MatchString(n.Value)) {
		d.Errorf("want %s, not %s", what, show(n))
		return
	}
	d.want(what, n)
}

// scalarLike matches numbers, times, durations and truths, also with a mistake such as a blank in them.
var scalarLike = regexp.MustCompile(`^(?i)(?:[-+.]?[0-9][-+.:0-9TZ ]{0,30}[a-zµ]{0,3}|true|false|yes|no|on|off|\.inf|\.nan)$`)

// sortOf returns how a message names a node whose content may be a secret.
func sortOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case strings.Contains(n.Value, "${"):
		return "a text with a reference"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	default:
		return "a text"
	}
}

var soleReference = regexp.MustCompile(`^\$\{[^{}]*\}$`)

// show returns how a message names a number, or what stands for one: by its text in the file, which holds references,
// not values.
func show(n *yaml.Node) string {
	switch {
	case soleReference.MatchString(n.Value):
		return "the value of " + document.Shorten(n.Value)
	case strings.Contains(n.Value, "${"):
		return "the value of a text with a reference"
	case n.Tag == "!!str":
		return strconv.Quote(document.Shorten(n.Value))
	default:
		return document.Shorten(n.Value)
	}
}
