// Package kind knows the kinds of checks, and makes checkers of settings.
package kind

import (
	"maps"
	"reflect"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

// kinds are the kinds of checks by the key that names them. A new kind is one line here.
var kinds = map[string]Kind{
	dnscheck.Kind:        Of(dnscheck.New),
	execcheck.Kind:       Of(execcheck.New),
	filesystemcheck.Kind: Of(filesystemcheck.New),
	grpccheck.Kind:       Of(grpccheck.New),
	httpcheck.Kind:       Of(httpcheck.New),
	icmpcheck.Kind:       Of(icmpcheck.New),
	memorycheck.Kind:     Of(memorycheck.New),
	processcheck.Kind:    Of(processcheck.New),
	statuscheck.Kind:     Of(statuscheck.New),
	systemdcheck.Kind:    Of(systemdcheck.New),
	tcpcheck.Kind:        Of(tcpcheck.New),
	tlscheck.Kind:        Of(tlscheck.New),
	udpcheck.Kind:        Of(udpcheck.New),
	unixcheck.Kind:       Of(unixcheck.New),
}

// All returns the kinds of checks by the key that names them. The caller owns the map.
func All() map[string]Kind { return maps.Clone(kinds) }

// Kind is a kind of checks. Configurations are pointers to its Config.
type Kind struct {
	Config reflect.Type
	Target func(config any) string
	New    func(config any) (healthcheck.Checker, error)
}

// Of returns the kind with this constructor.
func Of[C interface{ Target() string }](constructor func(C) (healthcheck.Checker, error)) Kind {
	return Kind{
		Config: reflect.TypeFor[C](),
		Target: func(config any) string { return (*config.(*C)).Target() },
		New:    func(config any) (healthcheck.Checker, error) { return constructor(*config.(*C)) },
	}
}
