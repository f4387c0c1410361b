package blackbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// What a scrape job has that says nothing.
const (
	defaultInterval = time.Minute
	defaultTimeout  = 10 * time.Second
)

// Targets returns the roots of the files that a file_sd_configs names, by a path or pattern that starts from the folder
// of the file from.
type Targets func(from, pattern string) ([]*tree.Node, error)

type converter struct {
	draft   *draft.Draft
	targets Targets
	modules map[string]*module
	order   []*module
	global  *tree.Node
	found   []*tree.Node // roots of target files
}

// Convert adds a check for each target of a job that uses blackbox_exporter. The roots are of its files and of those of
// Prometheus. Without targets no target file can be read.
func Convert(d *draft.Draft, blackbox, prometheus []*tree.Node, targets Targets) {
	c := &converter{draft: d, targets: targets, modules: make(map[string]*module)}
	for _, root := range blackbox {
		c.addModules(root)
	}
	for _, root := range prometheus {
		c.convert(root)
	}
	for _, m := range c.order {
		if !m.read {
			m.node.Refuse("no job uses this module")
		}
	}
	for _, root := range append(blackbox, c.found...) {
		root.Sweep()
	}
}

func (c *converter) convert(root *tree.Node) {
	root.Use()
	c.global = root.Map("global")
	for _, job := range root.List("scrape_configs") {
		place := &draft.Check{From: job}
		back := c.draft.Ledger.At(&place.Notes)
		c.draft.Add(place)
		c.job(job, place)
		job.Sweep()
		back()
	}
	c.global.IgnoreKeys("each job that is taken over has its own", "scrape_interval", "scrape_timeout")
	for _, setting := range c.global.Parts() {
		if setting.Fate() == tree.Unseen {
			setting.Ignore("it stays with Prometheus")
		}
	}
	root.RefuseKeys("give the files that it names as arguments too", "scrape_config_files")
	root.IgnoreKeys("it stays with Prometheus", "runtime", "alerting", "rule_files", "remote_write", "remote_read", "storage", "tracing", "otlp")
	root.Sweep()
}

// Of the keys of a job, those that are for the scrape of blackbox_exporter, not for what that does.
var (
	wayKeys = []string{"scheme", "basic_auth", "authorization", "oauth2", "tls_config", "bearer_token", "bearer_token_file",
		"follow_redirects", "enable_http2", "http_headers", "proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header", "sigv4"}
	scrapeKeys = []string{"honor_labels", "honor_timestamps", "track_timestamps_staleness", "scrape_protocols",
		"fallback_scrape_protocol", "scrape_native_histograms", "scrape_classic_histograms", "always_scrape_classic_histograms",
		"convert_classic_histograms_to_nhcb", "scrape_failure_log_file", "enable_compression", "body_size_limit", "sample_limit",
		"target_limit", "label_limit", "label_name_length_limit", "label_value_length_limit", "native_histogram_bucket_limit",
		"native_histogram_min_bucket_factor", "keep_dropped_targets", "metric_name_validation_scheme", "metric_name_escaping_scheme"}
)

// job converts a scrape job.
func (c *converter) job(job *tree.Node, place *draft.Check) {
	if job.Kind != tree.Map {
		job.Refuse("want a mapping here")
		return
	}
	if !c.probes(job) {
		job.Ignore("no job of blackbox_exporter: it stays with Prometheus")
		return
	}
	defer c.discoveries(job)
	if !job.Has("static_configs") && !job.Has("file_sd_configs") {
		for _, part := range job.Parts() {
			if !strings.HasSuffix(part.Key(), sdSuffix) {
				part.Ignore("no target of the job is known here")
			}
		}
		return
	}
	rules, ok := c.rules(job)
	if !ok {
		return
	}
	s := scrape{converter: c, job: job, place: place, rules: rules, name: job.Text("job_name")}
	s.interval, s.timeout = c.times(job)
	job.Get("metrics_path")
	for _, p := range job.Map("params").Entries() {
		s.param(p)
	}
	for _, group := range job.List("static_configs") {
		s.group(group, "")
	}
	for _, sd := range job.List("file_sd_configs") {
		s.files(sd)
	}
	job.IgnoreKeys("it says how Prometheus reaches blackbox_exporter", wayKeys...)
	job.IgnoreKeys("it is about the scrape, not about the check", scrapeKeys...)
	job.RefuseKeys("the metrics have other names here", "metric_relabel_configs")
}

const sdSuffix = "_sd_configs"

// discoveries lists the ways to find targets that need a network.
func (c *converter) discoveries(job *tree.Node) {
	for _, part := range job.Parts() {
		if strings.HasSuffix(part.Key(), sdSuffix) && part.Fate() == tree.Unseen {
			part.Refuse("targets of this discovery are not known at the import")
		}
	}
}

// probes reports whether a job is one of blackbox_exporter.
func (c *converter) probes(job *tree.Node) bool {
	path := job.Peek("metrics_path")
	if strings.HasSuffix(path, "/probe") {
		return true
	}
	for _, part := range job.Parts() {
		if part.Key() != "params" {
			continue
		}
		for _, p := range part.Parts() {
			if p.Key() == "module" && p.Kind == tree.List && len(p.Parts()) > 0 {
				name := p.Parts()[0]
				return path == "" && c.modules[name.PeekSelf()] != nil
			}
		}
	}
	return false
}

// times returns interval and timeout of a job: its own, those of all jobs, or the defaults of Prometheus.
func (c *converter) times(job *tree.Node) (interval, timeout time.Duration) {
	interval, ok := job.Duration("scrape_interval")
	if !ok {
		if interval, ok = c.global.Duration("scrape_interval"); !ok {
			interval = defaultInterval
		}
	}
	timeout, ok = job.Duration("scrape_timeout")
	if !ok {
		if timeout, ok = c.global.Duration("scrape_timeout"); !ok {
			timeout = defaultTimeout
		}
		timeout = min(timeout, interval)
	}
	return interval, timeout
}

// rules returns the relabelling of a job, without the rules that only name blackbox_exporter.
func (c *converter) rules(job *tree.Node) ([]*relabel.Config, bool) {
	items := job.List("relabel_configs")
	rules := make([]*relabel.Config, 0, len(items))
	var nodes []*tree.Node
	for _, item := range items {
		rule, err := rule(item)
		if err != nil {
			job.Refuse("its rule %s on line %d cannot be: %v", item.Path(), item.Line, err)
			return nil, false
		}
		rules, nodes = append(rules, rule), append(nodes, item)
	}
	var kept []*relabel.Config
	for i, r := range rules {
		if r.Action == relabel.Replace && r.TargetLabel == model.AddressLabel && !readsAddress(rules[i+1:]) {
			nodes[i].Ignore("it names the blackbox_exporter")
			continue
		}
		nodes[i].Sweep()
		kept = append(kept, r)
	}
	return kept, true
}

func readsAddress(rules []*relabel.Config) bool {
	for _, r := range rules {
		if r.Action == relabel.LabelMap || r.Action == relabel.LabelDrop || r.Action == relabel.LabelKeep {
			return true
		}
		for _, l := range r.SourceLabels {
			if l == model.AddressLabel {
				return true
			}
		}
	}
	return false
}

// actions are those of relabelling.
var actions = []relabel.Action{relabel.Replace, relabel.Keep, relabel.Drop, relabel.KeepEqual, relabel.DropEqual, relabel.HashMod,
	relabel.LabelMap, relabel.LabelDrop, relabel.LabelKeep, relabel.Lowercase, relabel.Uppercase}

// rule reads one item of relabel_configs.
func rule(n *tree.Node) (*relabel.Config, error) {
	r := relabel.DefaultRelabelConfig
	r.NameValidationScheme = model.UTF8Validation
	for _, l := range n.Texts("source_labels") {
		r.SourceLabels = append(r.SourceLabels, model.LabelName(l))
	}
	if v := n.Get("separator"); v != nil {
		r.Separator, _ = v.Scalar()
	}
	if v := n.Get("regex"); v != nil {
		text, _ := v.Scalar()
		re, err := relabel.NewRegexp(text)
		if err != nil {
			return nil, err
		}
		r.Regex = re
	}
	if modulus, ok := n.Int("modulus"); ok && modulus > 0 {
		r.Modulus = uint64(modulus)
	}
	r.TargetLabel = n.Text("target_label")
	if v := n.Get("replacement"); v != nil {
		r.Replacement, _ = v.Scalar()
	}
	if action := n.Text("action"); action != "" {
		r.Action = relabel.Action(strings.ToLower(action))
		if !slices.Contains(actions, r.Action) {
			return nil, fmt.Errorf("the action %.20q is not known", action)
		}
	}
	return &r, r.Validate(model.UTF8Validation)
}
