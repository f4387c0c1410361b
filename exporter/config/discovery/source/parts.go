package source

import "sync"

// Parts makes one answer of those that the parts of a source give: watches, names. There is an answer when each part
// has given one, and none has failed since. It is safe for concurrent use.
type Parts struct {
	sink Sink

	mu   sync.Mutex
	ok   map[string]bool
	poor int // of the parts, those that are not OK
}

// NewParts returns what there is when none of the parts has answered.
func NewParts(sink Sink, names ...string) *Parts {
	p := &Parts{sink: sink, ok: make(map[string]bool)}
	for _, name := range names {
		p.Add(name)
	}
	return p
}

// Add makes one part more, which has not answered, unless it is there.
func (p *Parts) Add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.ok[name]; !ok {
		p.ok[name] = false
		p.poor++
	}
}

// Remove forgets a part.
func (p *Parts) Remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok, there := p.ok[name]; there && !ok {
		p.poor--
	}
	delete(p.ok, name)
}

// Answered notes that a part has said all that there is to know.
func (p *Parts) Answered(name string) {
	if p.set(name, true) {
		p.sink.Answered()
	}
}

// Failed notes that a part could not be read.
func (p *Parts) Failed(name string, err error) {
	p.set(name, false)
	p.sink.Failed(err)
}

// set reports whether all parts are OK.
func (p *Parts) set(name string, now bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, there := p.ok[name]
	if there && before != now {
		p.ok[name] = now
		if now {
			p.poor--
		} else {
			p.poor++
		}
	}
	return p.poor == 0
}
