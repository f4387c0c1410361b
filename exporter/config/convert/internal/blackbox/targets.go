package blackbox

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// scrape is a job whose targets become checks.
type scrape struct {
	*converter
	job               *tree.Node
	place             *draft.Check
	name              string
	interval, timeout time.Duration
	params            []labels.Label
	rules             []*relabel.Config
	told              map[string]bool // modules that were said not to be, for this job
}

// paramLabel returns the label that a parameter of the probe has while targets are relabelled.
func paramLabel(name string) string { return model.ParamLabelPrefix + name }

// param takes a parameter. Prometheus sends all its values; blackbox_exporter looks at the first.
func (s *scrape) param(p *tree.Node) {
	values := p.Parts()
	if p.Kind != tree.List {
		values = []*tree.Node{p}
	}
	switch p.Key() {
	case "module", "target", "hostname":
	case "debug":
		p.Ignore("it is for people")
		return
	default:
		p.Refuse("blackbox_exporter has no such parameter")
		return
	}
	for i, v := range values {
		text, _ := v.Scalar()
		if i == 0 {
			s.params = append(s.params, labels.Label{Name: paramLabel(p.Key()), Value: text})
			continue
		}
		v.Ignore("blackbox_exporter looks at the first value only")
	}
}

// files takes the targets of the files that exist at the import.
func (s *scrape) files(sd *tree.Node) {
	sd.IgnoreKeys("the files are read once, at the import", "refresh_interval")
	for _, item := range sd.List("files") {
		pattern, ok := item.Scalar()
		if !ok {
			continue
		}
		if s.targets == nil {
			item.Refuse("files of targets cannot be read here")
			continue
		}
		roots, err := s.targets(item.Note("").File, pattern)
		if err != nil {
			item.Refuse("%v", err)
			continue
		}
		for _, root := range roots {
			s.found = append(s.found, root.Use())
			if root.Kind != tree.List {
				root.Refuse("want a list of targets")
				continue
			}
			for _, group := range root.Parts() {
				s.group(group.Use(), root.Note("").File)
			}
		}
	}
}

// group takes targets with their labels; the file is empty for a static_configs.
func (s *scrape) group(group *tree.Node, file string) {
	common := slices.Clone(s.params)
	common = append(common, labels.Label{Name: model.JobLabel, Value: s.name},
		labels.Label{Name: model.MetricsPathLabel, Value: s.job.Peek("metrics_path")},
		labels.Label{Name: model.ScrapeIntervalLabel, Value: model.Duration(s.interval).String()},
		labels.Label{Name: model.ScrapeTimeoutLabel, Value: model.Duration(s.timeout).String()})
	if file != "" {
		common = append(common, labels.Label{Name: model.MetaLabelPrefix + "filepath", Value: file})
	}
	for _, l := range group.Map("labels").Entries() {
		if value, ok := l.Scalar(); ok {
			common = append(common, labels.Label{Name: l.Key(), Value: value})
		}
	}
	for _, item := range group.List("targets") {
		if address, ok := item.Scalar(); ok {
			s.target(item, address, common)
		}
	}
}

// target takes one target through relabelling, and adds what comes of it.
func (s *scrape) target(item *tree.Node, address string, common []labels.Label) {
	lb := labels.NewBuilder(labels.EmptyLabels())
	lb.Set(model.AddressLabel, address)
	for _, l := range common {
		lb.Set(l.Name, l.Value)
	}
	if !relabel.ProcessBuilder(lb, s.rules...) {
		item.Ignore("the rules of its job drop it")
		return
	}
	p := probe{scrape: s, from: item, labels: lb, target: lb.Get(paramLabel("target"))}
	if p.target == "" {
		item.Refuse("no rule of its job makes it a target of a probe (__param_target)")
		return
	}
	if slices.Contains(common, labels.Label{Name: paramLabel("target"), Value: p.target}) {
		item.Ignore("the job names the target of the probe itself")
	}
	name := lb.Get(paramLabel("module"))
	if name == "" {
		name = "http_2xx" // as in blackbox_exporter
	}
	p.module = s.modules[name]
	if p.module == nil {
		s.tell(name, "its module %.60q is in none of the files: its targets are left out", name)
		item.Ignore("its module is not there")
		return
	}
	s.readModule(p.module)
	if p.module.kind == "" {
		s.tell(name, "its module %.60q cannot be taken over, so neither are its targets: %s", name, p.module.why)
		item.Ignore("its module cannot be taken over")
		return
	}
	p.add()
}

// tell lists something of a module, once a job.
func (s *scrape) tell(module, format string, args ...any) {
	if s.told[module] {
		return
	}
	if s.told == nil {
		s.told = make(map[string]bool)
	}
	s.told[module] = true
	s.job.Remark(format, args...)
}

// probe is a target with its module.
type probe struct {
	*scrape
	from   *tree.Node
	module *module
	target string
	labels *labels.Builder
}

// add adds the check of a target: one check for each. This is the place where all targets of a job that differ in
// nothing but their address and labels would become one check with "targets: [{static: [...]}]", its ${target.address}
// where p.target is now.
func (p *probe) add() {
	check := &draft.Check{
		From:     p.from,
		Endpoint: p.draft.Endpoint(p.name+" "+p.module.name+" "+p.target, p.labels.Get(model.JobLabel), draft.TargetName(p.target)),
		Interval: p.interval,
		Timeout:  p.timeout,
		Kind:     p.module.kind,
		Base:     p.module.base,
		Settings: &draft.Settings{},
	}
	back := p.draft.Ledger.At(&check.Notes)
	defer back()
	p.times(check)
	p.label(check)
	if p.module.kind == "http" && !strings.HasPrefix(p.target, "http://") && !strings.HasPrefix(p.target, "https://") {
		p.target = "http://" + p.target
	}
	check.Settings.Set(p.module.address, p.draft.URL(check.Endpoint, p.from, draft.Quote(p.target)))
	p.hostname(check)
	p.draft.Add(check)
}

// times takes interval and timeout where rules have changed them. A module's timeout counts where it is shorter.
func (p *probe) times(check *draft.Check) {
	if d, err := model.ParseDuration(p.labels.Get(model.ScrapeIntervalLabel)); err == nil && d > 0 {
		check.Interval = time.Duration(d)
	}
	if d, err := model.ParseDuration(p.labels.Get(model.ScrapeTimeoutLabel)); err == nil && d > 0 {
		check.Timeout = time.Duration(d)
	}
	if t := p.module.timeout; t > 0 {
		check.Timeout = min(check.Timeout, t)
	}
}

// label takes the labels that Prometheus would put on the metrics. Its instance, where it is not the target, is a name
// for people.
func (p *probe) label(check *draft.Check) {
	p.labels.Labels().Range(func(l labels.Label) {
		switch {
		case strings.HasPrefix(l.Name, model.ReservedLabelPrefix), l.Name == model.JobLabel:
		case l.Name == model.InstanceLabel:
			if l.Value != p.target {
				check.Name = draft.Quote(l.Value)
			}
		default:
			if err := check.SetLabel(l.Name, draft.Quote(l.Value)); err != nil {
				p.from.Remark("its label %.60q: %v", l.Name, err)
			}
		}
	})
}

// hostname takes the parameter of this name: the host in the request and in the TLS handshake, whatever the target says.
func (p *probe) hostname(check *draft.Check) {
	host := p.labels.Get(paramLabel("hostname"))
	if host == "" {
		return
	}
	if p.module.kind != "http" {
		p.from.Remark("the parameter hostname is for http only")
		return
	}
	own := p.module.base.Settings.Clone()
	own.Below("headers").Set("Host", host)
	if strings.HasPrefix(p.target, "https://") {
		own.Below("tls_config").Set("server_name", host)
	}
	check.Settings.Merge(own)
	check.Notes = append(slices.Clone(p.module.base.Notes), check.Notes...)
	check.Base = nil
}
