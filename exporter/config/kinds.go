package config

import (
	"reflect"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// kinds are the kinds of checks by the key that names them. A new kind is one line here.
var kinds = map[string]builder{
	dnscheck.Kind:        kind(dnscheck.New),
	execcheck.Kind:       kind(execcheck.New),
	filesystemcheck.Kind: kind(filesystemcheck.New),
	httpcheck.Kind:       kind(httpcheck.New),
	memorycheck.Kind:     kind(memorycheck.New),
	statuscheck.Kind:     kind(statuscheck.New),
	tcpcheck.Kind:        kind(tcpcheck.New),
}

// builder makes the checkers of one kind.
type builder struct {
	config reflect.Type // the kind's Config
	// target and checker take a pointer to a Config.
	target  func(config any) string
	checker func(config any) (healthcheck.Checker, error)
}

// kind returns the builder of the kind with this constructor.
func kind[C interface{ Target() string }](constructor func(C) (healthcheck.Checker, error)) builder {
	return builder{
		config:  reflect.TypeFor[C](),
		target:  func(config any) string { return (*config.(*C)).Target() },
		checker: func(config any) (healthcheck.Checker, error) { return constructor(*config.(*C)) },
	}
}
