// Command forked is an agent whose own code uses healthcheck_exporter's healthcheck package. It is right with a fork of
// the agent SDK, or a vendored one, in which all imports of the SDK's healthcheck package were rewritten, too: then there
// is one registry in the process. With the SDK as it is there are two, and the SDK's /status is OK while db fails.
package main

import (
	"net"
	"os"
	"sync"
	"time"

	"github.com/Axway/agent-sdk/pkg/cmd"
	"github.com/Axway/agent-sdk/pkg/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func main() {
	agent := cmd.NewRootCmd("agent", "An agent on a forked SDK", configure, run, config.GenericService)
	if agent.Execute() != nil {
		os.Exit(1)
	}
}

// register is called once: the SDK calls configure again when the configuration changes.
var register = sync.OnceValue(func() error {
	_, err := healthcheck.RegisterHealthcheck("Database", "db", database)
	return err
})

func configure(config.CentralConfig) (any, error) { return nil, register() }

func database(string) *healthcheck.Status {
	conn, err := net.DialTimeout("tcp", os.Getenv("DB_ADDRESS"), 3*time.Second)
	if err != nil {
		return &healthcheck.Status{Result: healthcheck.FAIL, Details: err.Error()}
	}
	_ = conn.Close()
	return &healthcheck.Status{Result: healthcheck.OK}
}

// run is the agent's work. The SDK calls it when all checks are OK.
func run() error { select {} }
