package healthcheck

import "time"

// StatusConfig is how the package-level functions are configured; see [SetStatusConfig].
type StatusConfig interface {
	// GetPort returns the port of the status server; 0 and less mean none.
	GetPort() int
	// GetHealthCheckPeriod returns how long [WaitForReady] waits.
	GetHealthCheckPeriod() time.Duration
	// GetHealthCheckInterval returns the time between two runs of a check, which is also the deadline of a run.
	GetHealthCheckInterval() time.Duration
	// ValidateCfg returns an error when a value is out of range.
	ValidateCfg() error
}

// StatusConfiguration is the usual [StatusConfig].
type StatusConfiguration struct {
	Port                int
	HealthCheckPeriod   time.Duration
	HealthCheckInterval time.Duration
}

// The values of NewStatusConfig and the ranges of ValidateCfg.
const (
	defaultPort   = 8989
	defaultPeriod = 3 * time.Minute
	minPeriod     = time.Minute
	maxPeriod     = 5 * time.Minute
	minInterval   = 30 * time.Second
	maxInterval   = 5 * time.Minute
)

var (
	errPeriod   = &AgentError{Code: 1403, Message: "invalid value for statusHealthCheckPeriod. Value must be between 1 and 5 minutes"}
	errInterval = &AgentError{Code: 1404, Message: "invalid value for statusHealthCheckInterval. Value must be between 30 seconds and 5 minutes"}
)

// NewStatusConfig returns a *[StatusConfiguration] with port 8989, a period of 3 minutes and an interval of 30
// seconds.
func NewStatusConfig() StatusConfig {
	return &StatusConfiguration{Port: defaultPort, HealthCheckPeriod: defaultPeriod, HealthCheckInterval: DefaultInterval}
}

// GetPort implements [StatusConfig].
func (c *StatusConfiguration) GetPort() int { return c.Port }

// GetHealthCheckPeriod implements [StatusConfig].
func (c *StatusConfiguration) GetHealthCheckPeriod() time.Duration { return c.HealthCheckPeriod }

// GetHealthCheckInterval implements [StatusConfig].
func (c *StatusConfiguration) GetHealthCheckInterval() time.Duration { return c.HealthCheckInterval }

// ValidateCfg implements [StatusConfig]: the period is 1 to 5 minutes, the interval 30 seconds to 5 minutes.
func (c *StatusConfiguration) ValidateCfg() error {
	if c.HealthCheckPeriod < minPeriod || c.HealthCheckPeriod > maxPeriod {
		return errPeriod
	}
	if c.HealthCheckInterval < minInterval || c.HealthCheckInterval > maxInterval {
		return errInterval
	}
	return nil
}
