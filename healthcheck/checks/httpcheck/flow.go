package httpcheck

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/template"
)

// maxSteps is how many steps a check has at most.
const maxSteps = 20

// Step is one request of several, see [Config.Steps]. The steps of a run share their cookies, and nothing else: in the
// next run they begin anew. The first that fails ends the run. What the check has beside its steps holds for each of
// them; its credentials and headers are sent to the scheme, host and port of its URL only.
//
// In URL, Headers and Body, ${step.NAME} stands for what an earlier step has extracted by that name, and $${step.NAME}
// for itself. In the path of the URL and in its query it is escaped, so that it stays a part of them, and the path does
// not take the names "." and ".."; in a body it is escaped as its Content-Type needs it where that is JSON or
// application/x-www-form-urlencoded, and elsewhere stands as it is. A header takes no text with a line break.
type Step struct {
	// Name is that of the step, in the label step and in details. It is required, and no other step has it.
	Name string `yaml:"name" example:"login"`
	// URL is what to request, relative to that of the check. The default is that of the check. A reference to a step may
	// stand in its path and in its query.
	URL string `yaml:"url" example:"/login"`
	// Method defaults to GET. Lower case is accepted.
	Method string `yaml:"method" default:"GET" example:"POST"`
	// Headers are sent with the request, beside those of the check or instead of them.
	Headers map[string]string `yaml:"headers" example:"{Authorization: 'Bearer ${step.token}'}"`
	// Body is sent with the request. It has no Content-Type unless Headers set one.
	Body string `yaml:"body" example:"user=ann"`
	// Expect is what makes the answer good.
	Expect Expect `yaml:"expect"`
	// Values are numbers in the body, as those of a check without steps. No two steps have the same name for one.
	Values map[string]string `yaml:"values" example:"{depth: .queue.depth}"`
	// Extract is what later steps need of the answer, by the name that they know it by.
	Extract map[string]Extract `yaml:"extract" example:"{token: {jq: .token, secret: true}}"`
}

// HoldsStepReferences tells a loader of configurations to leave ${step.NAME} as it is.
func (Step) HoldsStepReferences() {}

// Extract says where to find a text in an answer: by JQ, in a header, or in the body by a regular expression. It must
// be there, of at most 16 KiB, and not empty.
type Extract struct {
	// JQ is a jq query of the body, JSON.
	JQ string `yaml:"jq" example:".token"`
	// Header is the name of a header, the first one of that name.
	Header string `yaml:"header" example:"X-CSRF-Token"`
	// Regex is a regular expression whose first group is extracted: from the body, or from what JQ or Header have found.
	// Of several headers of a name, the first one counts that matches.
	Regex string `yaml:"regex" example:"name=\"csrf\" value=\"([^\"]+)\""`
	// Secret keeps the text out of all that is shown, for the rest of the run.
	Secret bool `yaml:"secret" default:"false"`
}

// step is a Step made ready to run.
type step struct {
	name     string
	request  httpclient.Request // with placeholders where there are references
	dynamic  bool               // there are references
	path     template.Text      // escaped
	query    template.Text
	headers  map[string]template.Text // those with references
	body     template.Text
	escape   func(string) string // for the body
	expect   expectation
	extracts []extraction
}

// newFlow returns the check of several steps.
func newFlow(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	m.Unused("is there beside steps: give it to one of them",
		field.Given{Field: "body", Set: c.Body != ""}, field.Given{Field: "expect", Set: !reflect.ValueOf(c.Expect).IsZero()},
		field.Given{Field: "method", Set: c.Method != ""}, field.Given{Field: "values", Set: len(c.Values) > 0})
	if len(c.Steps) > maxSteps {
		m.Add("steps", "more than %d steps", maxSteps)
		return nil, m.Err()
	}
	b := flowBuilder{Config: c, names: make(map[string]bool), values: make(map[string]bool), known: make(map[string]bool)}
	steps := make([]step, len(c.Steps))
	var public []string
	for i := range c.Steps {
		var part field.Mistakes
		steps[i] = b.step(&c.Steps[i], &part)
		m.Within(field.Item("steps", i), &part)
		if c.KeepAlive && !steps[i].request.Repeatable() {
			m.Add("keep_alive", "needs a method that can be repeated when the kept connection is lost, %s of step %q cannot", steps[i].request.Method, c.Steps[i].Name)
		}
		public = append(public, c.Steps[i].texts()...)
	}
	s := c.settings()
	s.Sessions, s.Public = true, public
	client := httpclient.New(s, &m)
	if err := m.Err(); err != nil {
		return nil, err
	}
	for i := range steps {
		if !steps[i].dynamic {
			steps[i].request.AddSecrets(client.Secrets())
		}
	}
	return &flow{client: client, steps: steps}, nil
}

// texts returns what of a step details show.
func (s *Step) texts() []string {
	list := append(s.Expect.texts(), s.Name)
	for name, query := range s.Values {
		list = append(list, name, query)
	}
	for name, from := range s.Extract {
		list = append(list, name, from.JQ, from.Header, from.Regex)
	}
	return list
}

// flowBuilder knows what the steps before have.
type flowBuilder struct {
	Config
	names, values, known map[string]bool
}

func (b *flowBuilder) step(s *Step, m *field.Mistakes) step {
	switch {
	case !m.Required("name", s.Name, "name the step"):
	case !isName(s.Name):
		m.Add("name", "is not up to %d printable characters", maxName)
	case b.names[s.Name]:
		m.Add("name", "%q is the name of a step before", s.Name)
	}
	b.names[s.Name] = true
	if slices.ContainsFunc(append(s.texts(), s.Method), func(text string) bool { return strings.Contains(text, template.Reference) }) {
		m.Add("", "has a reference to a step elsewhere than in url, headers and body")
	}
	expect := builder{
		Config:   Config{URL: b.url(s), Method: s.Method, Expect: s.Expect, Values: s.Values, FollowRedirects: b.FollowRedirects, MaxBodyBytes: b.MaxBodyBytes},
		Mistakes: m,
	}
	made := step{name: s.Name, expect: expect.newExpectation(), extracts: newExtractions(s, m)}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if b.values[name] {
			m.Add("values."+name, "is a value of a step before")
		}
		b.values[name] = true
	}
	if len(b.values) > maxValues {
		m.Add("values", "more than %d values in all steps", maxValues)
	}
	settings := httpclient.Settings{Method: s.Method, Follow: expect.follow(&made.expect), TLSOnly: s.Expect.TLSRequired}
	settings.WholeBody = made.expect.wantsBody() || slices.ContainsFunc(made.extracts, func(x extraction) bool { return x.ofBody() })
	b.fill(&settings, s, &made, m)
	made.request = httpclient.NewRequest(settings, m)
	made.escape = escapeFor(made.request.Header.Get("Content-Type"))
	for name := range s.Extract {
		b.known[name] = true
	}
	return made
}

// url returns the URL of a step as far as it is known, for what is judged of its scheme.
func (b *flowBuilder) url(s *Step) string {
	if strings.Contains(s.URL, "://") {
		return s.URL
	}
	return b.URL
}

// fill takes the templates of a step, and writes to the settings what they come to without what is extracted.
func (b *flowBuilder) fill(settings *httpclient.Settings, s *Step, made *step, m *field.Mistakes) {
	made.body = b.text("body", s.Body, m)
	made.dynamic = !made.body.IsText()
	settings.Body = made.body.With("")
	settings.Headers = make(map[string]string, len(s.Headers))
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		t := b.text("headers."+name, s.Headers[name], m)
		settings.Headers[name] = t.With("x")
		if t.IsText() {
			continue
		}
		if made.headers == nil {
			made.headers = make(map[string]template.Text)
		}
		made.headers[name], made.dynamic = t, true
	}
	b.fillURL(settings, s, made, m)
}

// fillURL resolves the URL of a step while placeholders stand for what it will be made of, so that its structure is
// fixed by then.
func (b *flowBuilder) fillURL(settings *httpclient.Settings, s *Step, made *step, m *field.Mistakes) {
	base, err := target.ParseURL(b.URL, "http", "https")
	if err != nil { // which is told of the check
		settings.URL = "http://localhost"
		return
	}
	base.User = nil
	t := b.text("url", s.URL, m)
	word := t.Placeholder(b.URL)
	u, err := url.Parse(t.With(word))
	if err != nil {
		m.Add("url", "is not a valid URL, or path relative to that of the check")
		settings.URL = "http://localhost"
		return
	}
	u = base.ResolveReference(u)
	settings.URL = u.String()
	if t.IsText() {
		return
	}
	made.dynamic = true
	rest := t.Names
	if made.path, rest, err = template.Split(u.EscapedPath(), word, rest); err == nil {
		made.query, rest, err = template.Split(u.RawQuery, word, rest)
	}
	if err != nil || len(rest) > 0 {
		m.Add("url", "has a reference to a step elsewhere than in its path and its query")
	}
}

// text reads a text, and notes references to what no step before extracts.
func (b *flowBuilder) text(path, text string, m *field.Mistakes) template.Text {
	t, err := template.Parse(text)
	if err != nil {
		m.Check(path, err)
		return template.Text{Literals: []string{""}}
	}
	for _, name := range t.Names {
		if !b.known[name] {
			m.Add(path, "refers to ${step.%.40s}, which no step before extracts", name)
		}
	}
	return t
}

// escapeFor returns how a text becomes a part of a body with this Content-Type.
func escapeFor(contentType string) func(string) string {
	media, _, _ := strings.Cut(contentType, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == "application/x-www-form-urlencoded":
		return url.QueryEscape
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return func(s string) string {
			quoted, _ := json.Marshal(s) // a text always can
			return string(quoted[1 : len(quoted)-1])
		}
	}
	return func(s string) string { return s }
}
