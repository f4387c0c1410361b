package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

// std is everything behind the package-level functions.
var std = newProcess(context.Background())

// process is one set of what the agent SDK keeps per process: a registry, its configuration and its periodic loop.
// Goroutines keep the process they began with.
type process struct {
	registry *Registry
	life     context.Context // of the periodic loop
	start    sync.Once       // of the periodic loop

	mu       sync.Mutex
	ids      map[string]string // by endpoint
	config   StatusConfig
	identity Identity
}

func newProcess(life context.Context) *process {
	return &process{
		life:     life,
		registry: &Registry{Logger: slog.New(defaultLog{})},
		ids:      make(map[string]string),
	}
}

// Default returns the registry behind the package-level functions, for a collector or a modern check.
func Default() *Registry { return std.registry }

// RegisterHealthcheck adds a check to [Default], runs it once and returns its id, a UUID. A second check for an
// endpoint is refused with an empty id.
func RegisterHealthcheck(name, endpoint string, check CheckStatus) (string, error) {
	return std.register(name, endpoint, check)
}

// RegisterOrUpdateHealthcheck is [RegisterHealthcheck], but where the endpoint is known it swaps the function and
// returns the old id; the name stays, too. The new function first runs with the next round, at once if checks run
// periodically.
func RegisterOrUpdateHealthcheck(name, endpoint string, check CheckStatus) (string, error) {
	return std.registerOrUpdate(name, endpoint, check)
}

// RunChecks runs every check of [Default] once and returns the resulting level. A [CheckStatus] that calls it waits for
// itself until its deadline, as it has no context to hand on: see [Registry.Run].
func RunChecks() StatusLevel {
	level, _ := std.registry.Run(context.Background()) // which nothing cuts short
	return level
}

// GetStatus returns the level of one check of [Default], FAIL for an unknown endpoint. It runs nothing.
func GetStatus(endpoint string) StatusLevel { return std.status(endpoint) }

// GetGlobalStatus returns the level of the whole of [Default] and the details of the first check, in order of
// registration, that makes it FAIL. It runs nothing.
func GetGlobalStatus() (level, details string) { return std.globalStatus() }

// StartPeriodicHealthCheck begins to run the checks of [Default] at the interval of the [StatusConfig], for the life
// of the process. Further calls do nothing.
func StartPeriodicHealthCheck() { std.startPeriodic() }

// WaitForReady runs all checks every 500 ms until the level is OK, and gives up with an error after the period of the
// [StatusConfig].
func WaitForReady() error { return std.waitForReady() }

// SetNameAndVersion sets what /status shows as name and version.
func SetNameAndVersion(name, version string) { std.setIdentity(Identity{Name: name, Version: version}) }

// SetStatusConfig configures the package-level functions. Nil goes back to the defaults, without a server. A new
// interval applies at once.
func SetStatusConfig(cfg StatusConfig) { std.setConfig(cfg) }

// GetStatusConfig returns what [SetStatusConfig] has set, nil before.
func GetStatusConfig() StatusConfig { return std.getConfig() }

var errNotReady = &AgentError{Code: 1002, Message: "failed with timeout error.  Services are not ready"}

// readyPause is the time between two rounds of WaitForReady.
const readyPause = 500 * time.Millisecond

func (p *process) register(name, endpoint string, check CheckStatus) (string, error) {
	err := p.registry.Register(Check{Endpoint: endpoint, Name: name, Checker: FromStatus(name, check)})
	if errors.Is(err, ErrDuplicate) {
		return "", fmt.Errorf("a check with the endpoint of %s already exists", endpoint)
	}
	if err != nil {
		return "", err
	}
	id := p.id(endpoint)
	_, _ = p.registry.runCheck(context.Background(), endpoint, asked) // fails only if the check is gone again
	return id, nil
}

func (p *process) registerOrUpdate(name, endpoint string, check CheckStatus) (string, error) {
	for {
		s, ok := p.registry.Lookup(endpoint)
		if !ok {
			id, err := p.register(name, endpoint, check)
			if _, taken := p.registry.Lookup(endpoint); err != nil && taken {
				continue // another goroutine was faster
			}
			return id, err
		}
		c := *s.Check
		c.Checker = FromStatus(c.Name, check)
		if err := p.registry.Update(c); err == nil {
			return p.id(endpoint), nil
		} else if !errors.Is(err, ErrNotFound) {
			return "", err
		}
	}
}

// id returns the id of an endpoint, a new one at the first call.
func (p *process) id(endpoint string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, ok := p.ids[endpoint]
	if !ok {
		id = uuid.NewString()
		p.ids[endpoint] = id
	}
	return id
}

func (p *process) status(endpoint string) StatusLevel {
	s, ok := p.registry.Lookup(endpoint)
	if !ok {
		return FAIL
	}
	return s.Status().Result
}

func (p *process) globalStatus() (level, details string) {
	snap := p.registry.Snapshot()
	if snap.Level != FAIL {
		return string(snap.Level), ""
	}
	s, ok := p.registry.firstFailing()
	if !ok { // no full round yet
		return string(FAIL), ""
	}
	return string(FAIL), s.Status().Details
}

func (p *process) startPeriodic() {
	p.start.Do(func() {
		runner := &Runner{Registry: p.registry, Interval: p.interval()}
		s, err := runner.attach(p.life) // before the return, lest it undo a later SetStatusConfig
		if err != nil {
			slog.Default().Error("periodic health checks cannot start", "err", err)
			return
		}
		go s.run()
	})
}

func (p *process) waitForReady() error {
	period := defaultPeriod
	if cfg := p.getConfig(); cfg != nil {
		period = cfg.GetHealthCheckPeriod()
	}
	ctx, cancel := context.WithTimeout(context.Background(), period)
	defer cancel()
	ticker := time.NewTicker(readyPause)
	defer ticker.Stop()
	for {
		if level, _ := p.registry.Run(ctx); level == OK {
			return nil
		}
		select {
		case <-ctx.Done():
			return errNotReady
		case <-ticker.C:
		}
	}
}

func (p *process) setIdentity(id Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.identity = id
}

func (p *process) getIdentity() Identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.identity
}

func (p *process) setConfig(cfg StatusConfig) {
	p.mu.Lock()
	p.config = cfg
	p.mu.Unlock()
	p.registry.setInterval(p.interval())
}

func (p *process) getConfig() StatusConfig {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config
}

func (p *process) interval() time.Duration {
	cfg := p.getConfig()
	if cfg == nil {
		return DefaultInterval
	}
	return (&Runner{Interval: cfg.GetHealthCheckInterval()}).interval()
}

// defaultLog hands records to slog.Default as it is at that moment.
type defaultLog struct{}

func (defaultLog) Enabled(ctx context.Context, l slog.Level) bool {
	return slog.Default().Enabled(ctx, l)
}
func (defaultLog) Handle(ctx context.Context, r slog.Record) error {
	return slog.Default().Handler().Handle(ctx, r)
}
func (d defaultLog) WithAttrs([]slog.Attr) slog.Handler { return d }
func (d defaultLog) WithGroup(string) slog.Handler      { return d }
