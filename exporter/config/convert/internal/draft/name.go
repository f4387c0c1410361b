package draft

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// maxEndpoint is how long an endpoint is made, in bytes; the configuration takes 128.
const maxEndpoint = 100

var (
	noEndpoint = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)
	noLabel    = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
	scheme     = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://`)
)

// Endpoint returns an endpoint made of parts, such as a job and a target. The same parts give the same endpoint,
// whatever else is there, but for one that is taken: that gets a digest of the identity, which may be longer than the
// parts.
func (d *Draft) Endpoint(identity string, parts ...string) string {
	var words []string
	for _, part := range parts {
		word := strings.Trim(noEndpoint.ReplaceAllString(part, "_"), "_-.")
		if word != "" {
			words = append(words, word)
		}
	}
	endpoint := strings.Join(words, "-")
	if endpoint == "" {
		endpoint = "check"
	}
	if len(endpoint) > maxEndpoint {
		endpoint = endpoint[:maxEndpoint-9] + "-" + digest(endpoint)
	}
	if d.endpoints[endpoint] {
		endpoint += "-" + digest(identity)
	}
	for base, n := endpoint, 2; d.endpoints[endpoint]; n++ {
		endpoint = fmt.Sprintf("%s-%d", base, n)
	}
	d.endpoints[endpoint] = true
	return endpoint
}

func digest(text string) string {
	h := fnv.New32a()
	h.Write([]byte(text))
	return fmt.Sprintf("%08x", h.Sum32())
}

// TargetName returns what of a target belongs into an endpoint: no scheme, no credentials, no query.
func TargetName(target string) string {
	target = scheme.ReplaceAllString(target, "")
	target, _, _ = strings.Cut(target, "#")
	target, _, _ = strings.Cut(target, "?")
	host, path, found := strings.Cut(target, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if found {
		host += "/" + path
	}
	return host
}

// SetLabel adds a label. The name becomes one that a label can have. It says why a label cannot be.
func (c *Check) SetLabel(name string, value Raw) error {
	name = LabelName(name)
	probe := healthcheck.Check{Endpoint: "x", Checker: healthcheck.CheckFunc(nil), Labels: map[string]string{name: string(value)}}
	if err := probe.Validate(); err != nil {
		return err
	}
	for _, l := range c.Labels {
		if l.Name == name && l.Value != value {
			return fmt.Errorf("the label %s has another value already", name)
		}
		if l.Name == name {
			return nil
		}
	}
	c.Labels = append(c.Labels, Label{name, value})
	return nil
}

// LabelName returns a name that a label can have.
func LabelName(name string) string {
	name = noLabel.ReplaceAllString(name, "_")
	if name == "" || '0' <= name[0] && name[0] <= '9' {
		name = "_" + name
	}
	return name
}
