package healthcheck

import (
	"cmp"
	"slices"
)

// roster is the entries in the order of their endpoints, made when somebody looks. A change of a few among many costs what
// was changed, and a copy of the list, as a slice once published is never written again.
//
// It is guarded by Registry.mu.
type roster struct {
	list    []*entry // as it was when somebody looked last
	in, out []*entry // what has come and gone since
}

func (r *roster) add(e *entry)  { r.in = append(r.in, e) }
func (r *roster) drop(e *entry) { r.out = append(r.out, e) }

// view returns all entries, sorted.
func (r *roster) view() []*entry {
	if len(r.in) > 0 || len(r.out) > 0 {
		r.list = r.merged()
		r.in, r.out = nil, nil
	}
	return r.list
}

// trim forgets what came and went while nobody looked, so that it does not pile up. It is called after each change.
func (r *roster) trim() {
	if len(r.out) > len(r.list)/2+16 {
		r.list = r.merged()
		r.in, r.out = nil, nil
	}
}

func (r *roster) merged() []*entry {
	in := slices.DeleteFunc(r.in, func(e *entry) bool { return e.removed }) // which is written with Registry.mu held
	slices.SortFunc(in, byEndpoint)
	slices.SortFunc(r.out, byEndpoint)
	list := make([]*entry, 0, max(len(r.list)+len(in)-len(r.out), len(in)))
	done := 0 // of r.list
	upTo := func(e *entry) {
		if at, _ := slices.BinarySearchFunc(r.list[done:], e, byEndpoint); at > 0 {
			list = append(list, r.list[done:done+at]...)
			done += at
		}
	}
	for _, e := range r.out {
		for len(in) > 0 && byEndpoint(in[0], e) < 0 {
			upTo(in[0])
			list, in = append(list, in[0]), in[1:]
		}
		upTo(e)
		if done < len(r.list) && r.list[done] == e { // else it came and went
			done++
		}
	}
	for _, e := range in {
		upTo(e)
		list = append(list, e)
	}
	return append(list, r.list[done:]...)
}

// byEndpoint compares what never changes.
func byEndpoint(a, b *entry) int { return cmp.Compare(a.state.Check.Endpoint, b.state.Check.Endpoint) }
