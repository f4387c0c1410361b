package draft

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// batch is how many checks are tried at once.
const batch = 64

// Verify tries each check as our loader would, and lists those that it refuses: a target that is no address, a header
// that cannot be. What the machine of the import cannot know counts as right: the content of variables and files.
func (d *Draft) Verify() {
	var checks []*Check
	for _, c := range d.items {
		if c.Kind != "" {
			checks = append(checks, c)
		}
	}
	for len(checks) > 0 {
		n := min(batch, len(checks))
		d.verify(checks[:n])
		checks = checks[n:]
	}
}

// verify tries checks until those that are left are right. Each turn drops one of them or is the last.
func (d *Draft) verify(checks []*Check) {
	for len(checks) > 0 {
		wrong, blamed := mistakes(checks)
		switch {
		case len(wrong) == 0:
			return
		case !blamed && len(checks) > 1: // as what is no YAML to our loader
			for i := range checks {
				d.verify(checks[i : i+1])
			}
			return
		}
		var right []*Check
		for i, c := range checks {
			why, ok := wrong[i]
			if !ok {
				right = append(right, c)
				continue
			}
			d.drop(c, why)
		}
		checks = right
	}
}

// drop makes a place with a note of a check.
func (d *Draft) drop(c *Check, why string) {
	back := d.Ledger.At(&c.Notes)
	defer back()
	c.From.Remark("makes no valid check: %s", why)
	c.Kind = ""
	c.About = append(c.About, c.Endpoint+":")
	if c.Base != nil {
		c.Base.uses--
	}
}

var checkPath = regexp.MustCompile(`^checks\[(\d+)\]\.?`)

// mistakes returns what our loader says of checks, by their index, and whether it said of which.
func mistakes(checks []*Check) (wrong map[int]string, blamed bool) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, c := range checks {
		n := c.common().probe().node()
		n.Content = append(n.Content, scalar(c.Kind), c.whole().probe().node())
		list.Content = append(list.Content, n)
	}
	data, err := yaml.Dump(mapping(scalar("checks"), list), yaml.WithLineWidth(-1))
	if err != nil {
		return map[int]string{0: err.Error()}, false
	}
	_, err = config.Parse("import", data, config.Options{Lookup: func(string) (string, bool) { return "x", true }})
	wrong, blamed = make(map[int]string), true
	for _, err := range flatten(err) {
		e, ok := errors.AsType[*config.Error](err)
		if !ok {
			wrong[0], blamed = err.Error(), false
			continue
		}
		i := 0
		if m := checkPath.FindStringSubmatch(e.Path); m != nil {
			i, _ = strconv.Atoi(m[1])
		} else {
			blamed = false
		}
		text := e.Err.Error()
		if field := checkPath.ReplaceAllString(e.Path, ""); field != "" {
			text = field + ": " + text
		}
		if _, known := wrong[i]; !known && i < len(checks) {
			wrong[i] = text
		}
	}
	return wrong, blamed
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// fileKeys are the keys of a tls_config whose content decides whether a check can be made.
var fileKeys = []string{"ca", "ca_file", "cert", "cert_file", "key", "key_file"}

// probe returns a copy of settings in which nothing depends on the machine: no file is read, and a reference at the
// beginning of a URL stands for one.
func (s *Settings) probe() *Settings {
	p := &Settings{}
	for _, e := range s.entries {
		e.comment = ""
		switch value := e.value.(type) {
		case *Settings:
			e.value = value.probe()
			if e.key == "tls_config" && value.Len() > 0 {
				e.value = value.probe().Without(func(key string) bool { return slices.Contains(fileKeys, key) })
			}
		case Raw:
			if rest, ok := strings.CutPrefix(string(value), "${"); ok && e.key == "url" {
				_, rest, _ = strings.Cut(rest, "}")
				value = Raw("http://x" + rest)
			}
			e.value = value.probe()
		case Flow:
			var flow Flow
			for _, item := range value {
				flow = append(flow, item.probe())
			}
			e.value = flow
		case []Secret:
			var texts []string
			for _, secret := range value {
				texts = append(texts, string(secret.Text.probe()))
			}
			e.value = texts
		}
		p.entries = append(p.entries, e)
	}
	return p
}

// probe returns a text with its references replaced.
func (r Raw) probe() Raw {
	return Raw(strings.ReplaceAll(references.ReplaceAllString(protect(string(r)), "x"), protected, "$${"))
}

// protected stands for an escaped reference while the others are replaced.
const protected = "$\x00"

func protect(text string) string { return strings.ReplaceAll(text, "$${", protected) }
