// Command bridged is an agent on the agent SDK as it is, with checks of healthcheck_exporter beside those of the SDK. All
// are on the SDK's /status, which decides over the agent, and all are metrics.
package main

import (
	"context"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/Axway/agent-sdk/pkg/cmd"
	"github.com/Axway/agent-sdk/pkg/config"
	sdk "github.com/Axway/agent-sdk/pkg/util/healthcheck"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func main() {
	agent := cmd.NewRootCmd("agent", "An agent with a bridge", configure, run, config.GenericService)
	if agent.Execute() != nil {
		os.Exit(1)
	}
}

// start is called once: the SDK calls configure again when the configuration changes.
var start = sync.OnceValue(func() error {
	// What the agent had before: a check for the SDK.
	if _, err := sdk.RegisterHealthcheck("Queue", "queue", queue); err != nil {
		return err
	}

	target := tcpcheck.Config{Address: os.Getenv("DB_ADDRESS")}
	db, err := tcpcheck.New(target)
	if err != nil {
		return err
	}
	var checks healthcheck.Registry
	err = checks.Apply(healthcheck.Changes{Register: []healthcheck.Check{
		{Endpoint: "db", Name: "Database", Kind: "tcp", Target: target.Target(), Interval: time.Second, Checker: db},
		{Endpoint: "queue", Name: "Queue", Kind: "agent", Checker: healthcheck.AdoptStatus("queue", sdk.GetStatus)},
		{Endpoint: "disk", Name: "Disk", Checker: healthcheck.AdoptCheck("Disk", disk)},
	}})
	if err != nil {
		return err
	}
	// "queue" is there already; "disk" is for the metrics alone.
	if err := healthcheck.AdoptInto(sdk.RegisterHealthcheck, &checks, "db"); err != nil {
		return err
	}
	go func() { _ = (&healthcheck.Runner{Registry: &checks}).Run(context.Background()) }()
	go func() {
		_ = http.ListenAndServe(os.Getenv("METRICS_ADDRESS"), exporter.MetricsHandler(&checks))
	}()
	return nil
})

func configure(config.CentralConfig) (any, error) { return nil, start() }

func queue(string) *sdk.Status { return &sdk.Status{Result: sdk.OK} }

func disk(string) *sdk.Status { return &sdk.Status{Result: sdk.FAIL, Details: "98 % full"} }

// run is the agent's work. The SDK calls it when all checks are OK.
func run() error { select {} }
