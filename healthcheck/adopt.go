package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// The functions below are a bridge to another package with the shape of this one's compatible API, above all the agent
// SDK's own, which the SDK's packages go on using in the same process. They know it by the shape of its types alone, and
// Go infers the type arguments: nothing of the SDK is imported.

// statusLike is a struct with the fields and tags of [Status] and a level of its own.
type statusLike[L ~string] interface {
	~struct {
		Result  L      `json:"result"`
		Details string `json:"details,omitempty"`
	}
}

// AdoptInto registers checks of r with the other package's RegisterHealthcheck, which from then on shows them as its own:
//
//	err := healthcheck.AdoptInto(sdk.RegisterHealthcheck, reg, "db", "queue")
//
// Without endpoints it is all checks that r, which may be [Default], has now. While a [Runner] runs r, the other package is
// given the state after thresholds, and runs nothing; without one, it runs the check whenever it asks, up to the check's
// timeout. An optional check that is FAIL is shown as [Degraded], so that it does not fail the whole there either. A check
// that r does not have any more is FAIL.
//
// The error tells of each endpoint that is not in r ([ErrNotFound]), or that would break the other package's router: one
// with a blank, a brace, or elements that a path cannot have. Nothing is registered then. What RegisterHealthcheck itself
// refuses, as an endpoint that it has, is told after all others are registered.
//
// The agent SDK keeps its checks without a lock: call AdoptInto before it begins to run them, for example in the function
// that its cmd package calls for the agent's configuration.
func AdoptInto[C ~func(string) *S, S statusLike[L], L ~string](
	register func(name, endpoint string, check C) (string, error), r *Registry, endpoints ...string,
) error {
	if len(endpoints) == 0 {
		snapshot := r.Snapshot()
		for i := range snapshot.States {
			endpoints = append(endpoints, snapshot.States[i].Check.Endpoint)
		}
	}
	names := make([]string, len(endpoints))
	var errs []error
	for i, endpoint := range endpoints {
		s, ok := r.Lookup(endpoint)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("adopt %q: %w", endpoint, ErrNotFound))
		case !routable(endpoint):
			errs = append(errs, fmt.Errorf("adopt %q: there can be no route of this name", endpoint))
		default:
			names[i] = s.Check.Name
		}
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	for i, endpoint := range endpoints {
		_, err := register(names[i], endpoint, func(string) *S {
			s := r.adopted(endpoint)
			theirs := S(struct {
				Result  L
				Details string
			}{L(s.Result), s.Details})
			return &theirs
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("adopt %q: %w", endpoint, err))
		}
	}
	return errors.Join(errs...)
}

// Degraded is the level that [AdoptInto] gives an optional check that is FAIL.
const Degraded StatusLevel = "DEGRADED"

// adopted returns what the other package is told of a check.
func (r *Registry) adopted(endpoint string) Status {
	s, ok := r.Lookup(endpoint)
	if ok && !r.hasRunner() {
		var err error
		s, err = r.RunCheck(context.Background(), endpoint)
		ok = err == nil
	}
	if !ok {
		return Status{Result: FAIL, Details: ErrNotFound.Error()}
	}
	status := s.Status()
	if status.Result == FAIL && s.Check.Optional {
		status.Result = Degraded
	}
	return status
}

// routable reports whether a router can have the pattern /status/{endpoint}, with the endpoint in its place, and no other
// meaning of it.
func routable(endpoint string) bool {
	route := "/status/" + endpoint
	return path.Clean(route) == route && !strings.ContainsAny(endpoint, "{} \t")
}

// AdoptCheck returns the checker that calls a check written for the other package, as [FromStatus] does for one of this:
//
//	reg.Register(healthcheck.Check{Endpoint: "queue", Checker: healthcheck.AdoptCheck("Queue", queueStatus)})
func AdoptCheck[C ~func(string) *S, S statusLike[L], L ~string](name string, check C) Checker {
	return FromStatus(name, func(name string) *Status {
		theirs := check(name)
		if theirs == nil {
			return nil
		}
		s := struct {
			Result  L
			Details string
		}(*theirs)
		return &Status{Result: StatusLevel(s.Result), Details: s.Details}
	})
}

// AdoptStatus returns the checker that takes over the level of a check that is registered with the other package, by whom
// ever, and that runs there; the other package's GetStatus says nothing more of it:
//
//	reg.Register(healthcheck.Check{Endpoint: "central", Checker: healthcheck.AdoptStatus("central", sdk.GetStatus)})
//
// The agent SDK keeps its checks without a lock: have a runner ask only when all are registered.
func AdoptStatus[L ~string](endpoint string, getStatus func(endpoint string) L) Checker {
	return FromStatus(endpoint, func(endpoint string) *Status {
		s := &Status{Result: StatusLevel(getStatus(endpoint))}
		if s.Result == FAIL {
			s.Details = fmt.Sprintf("GetStatus(%q) is FAIL", endpoint)
		}
		return s
	})
}
