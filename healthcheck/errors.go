package healthcheck

import (
	"errors"
	"fmt"
)

// Errors that callers branch on with [errors.Is].
var (
	// ErrDuplicate is the cause when a check's endpoint is taken.
	ErrDuplicate = errors.New("endpoint is already registered")
	// ErrNotFound is the cause when no check has the endpoint.
	ErrNotFound = errors.New("no check has this endpoint")
	// ErrRunnerActive is returned by [Runner.Run] when another runner runs the registry's checks.
	ErrRunnerActive = errors.New("the registry has a runner already")
	// ErrDependencyCircle is the cause when checks would depend on themselves.
	ErrDependencyCircle = errors.New("dependencies go round in a circle")
)

// AgentError is an error with a number in the agent SDK's list of errors: [ErrAlreadyRunning], and what
// [StatusConfiguration.ValidateCfg] (1403, 1404) and [WaitForReady] (1002) return. It stands for the SDK's type of that
// name, which a program that does not import the SDK cannot have.
type AgentError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *AgentError) Error() string { return fmt.Sprintf("[Error Code %d] - %s", e.Code, e.Message) }

// GetErrorCode returns the number.
func (e *AgentError) GetErrorCode() int { return e.Code }

// FieldError is a mistake in one field of a configuration. The constructors of the kinds of checks return all
// mistakes joined (see [errors.Join]), so that a loader can name the line of each.
type FieldError struct {
	Field string // path below the kind's configuration, in YAML's names: "expect.status[0]"; empty for the whole
	Err   error  // holds no secret
}

// FieldErrorf returns a FieldError with a text formatted as by [fmt.Errorf].
func FieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

func (e *FieldError) Unwrap() error { return e.Err }
