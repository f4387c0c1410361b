package exporter

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// targets is what is known of checks that stand for one for each target. It belongs to whoever has the turn.
type targets map[string]*group

// group is a check that stands for one for each of its targets.
type group struct {
	*config.Group
	endpoints map[uint64]string           // of the targets that have a check
	refused   map[uint64]discovery.Target // those that have none
}

// inUse returns the groups.
func (t targets) inUse() []*config.Group {
	groups := make([]*config.Group, 0, len(t))
	for _, g := range t {
		groups = append(groups, g.Group)
	}
	return groups
}

// find lets the targets of the groups of a configuration be found that is in force, and no others.
func (e *Exporter) find(groups []*config.Group) {
	s := &e.settings
	s.targets = make(targets, len(groups))
	var specs []discovery.Spec
	for _, g := range groups {
		s.targets[g.Spec.Check] = &group{Group: g, endpoints: make(map[uint64]string), refused: make(map[uint64]discovery.Target)}
		if g.Dynamic() {
			specs = append(specs, g.Spec)
		}
	}
	if len(groups) > 0 {
		for endpoint, c := range s.current {
			if g := s.targets[c.Origin.Group]; g != nil && c.Origin.ID != 0 {
				g.endpoints[c.Origin.ID] = endpoint
			}
		}
	}
	if err := e.discovery.Apply(specs); err != nil { // which were validated
		e.log.Error("targets cannot be found", "err", err)
	}
	for _, spec := range specs {
		g := s.targets[spec.Check]
		for _, t := range e.discovery.Targets(spec.Check) {
			if _, made := g.endpoints[t.ID]; !made {
				g.refused[t.ID] = t
			}
		}
		e.noteRefused(g)
	}
}

// targetsChanged makes the checks of targets that have come, and takes away those of targets that have gone.
func (e *Exporter) targetsChanged(changes []discovery.Change) {
	s := &e.settings
	select {
	case s.turn <- struct{}{}:
	case <-e.ended:
		return
	}
	defer func() { <-s.turn }()
	began := time.Now()
	if s.reading.Load() > 0 { // one that was given up looks at it still
		s.current = maps.Clone(s.current)
	}
	for i := range changes {
		g := s.targets[changes[i].Check]
		if g == nil {
			continue // the configuration has changed meanwhile
		}
		p := planned{group: g, inUse: s.current, log: e.log}
		p.plan(&changes[i])
		if err := e.applyTargets(&p); err != nil {
			if !errors.Is(err, errClosed) {
				e.log.Error("the checks of targets cannot be changed", "group", g.Spec.Check, "err", err)
			}
			continue
		}
		e.noteRefused(g)
		e.log.Info("targets changed", "group", g.Spec.Check, "added", len(p.changes.Register), "changed", len(p.changes.Update),
			"removed", len(p.changes.Unregister), "refused", len(g.refused), "took", time.Since(began))
	}
}

func (e *Exporter) applyTargets(p *planned) error {
	s := &e.settings
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.closed {
		return errClosed
	}
	return e.registry.Apply(p.changes)
}

// noteRefused tells how many targets of each source have no check.
func (e *Exporter) noteRefused(g *group) {
	counts := make(map[int]int)
	for _, t := range g.refused {
		counts[t.Source]++
	}
	e.discovery.Refused(g.Spec.Check, counts)
}

// planned is what leads from the targets that a group had to those that it has.
type planned struct {
	*group
	inUse   config.InUse
	log     *slog.Logger
	changes healthcheck.Changes
	logged  int
}

func (p *planned) plan(c *discovery.Change) {
	freed := false
	for _, t := range c.Removed {
		delete(p.refused, t.ID)
		if endpoint, ok := p.endpoints[t.ID]; ok {
			p.remove(t.ID, endpoint)
			freed = true
		}
	}
	for _, t := range c.Changed {
		p.set(t)
	}
	for _, t := range c.Added {
		p.set(t)
	}
	if !freed {
		return
	}
	for _, t := range p.refused { // what one has left is another's
		p.set(t)
	}
}

func (p *planned) remove(id uint64, endpoint string) {
	p.changes.Unregister = append(p.changes.Unregister, endpoint)
	delete(p.endpoints, id)
	delete(p.inUse, endpoint)
}

// set makes the check of a target, which may have had another one.
func (p *planned) set(t discovery.Target) {
	c, err := p.Make(t, p.inUse)
	before, had := p.endpoints[t.ID]
	if err != nil {
		p.refuse(t, err)
		return
	}
	holder, taken := p.inUse[c.Endpoint]
	ours := holder.Origin.Group == p.Spec.Check && (holder.Origin.ID == 0 || holder.Origin.ID == t.ID)
	if taken && !ours {
		p.refuse(t, errTaken)
		return
	}
	if had && before != c.Endpoint {
		p.remove(t.ID, before)
	}
	switch {
	case !taken:
		p.changes.Register = append(p.changes.Register, c.Check)
	case holder.Fingerprint != c.Fingerprint:
		p.changes.Update = append(p.changes.Update, c.Check)
	}
	delete(p.refused, t.ID)
	p.endpoints[t.ID] = c.Endpoint
	p.inUse[c.Endpoint] = c.InUse()
}

var errTaken = errors.New("its endpoint is that of another check")

// maxRefusedLogged bounds the lines about targets of one change that are no checks.
const maxRefusedLogged = 10

// refuse leaves a target without a check. One that had a check keeps it as it is.
func (p *planned) refuse(t discovery.Target, err error) {
	_, known := p.refused[t.ID]
	p.refused[t.ID] = t
	if p.logged++; !known && p.logged <= maxRefusedLogged {
		p.log.Warn("a target is no check", "group", p.Spec.Check, "address", t.Address, "err", err)
	}
}

// findTimeout bounds how long a command waits for targets to be found.
const findTimeout = 30 * time.Second

// findOnce waits until targets are found, and returns what ends to look for them.
func (e *Exporter) findOnce(ctx context.Context) (stop func()) {
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.discovery.Run(running)
	}()
	waiting, enough := context.WithTimeout(ctx, findTimeout)
	defer enough()
	if err := e.discovery.Wait(waiting); err != nil {
		e.log.Warn("not all targets were found", "err", err)
	}
	return func() { cancel(); <-done }
}
