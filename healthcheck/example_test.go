package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// database stands for a *sql.DB.
type database struct{ err error }

func (db *database) PingContext(context.Context) error { return db.err }

// A program with checks of its own: a registry holds them, a runner runs them, and a snapshot tells how they are.
func Example() {
	var reg healthcheck.Registry
	err := reg.Apply(healthcheck.Changes{Register: []healthcheck.Check{
		{Endpoint: "queue", Name: "Message queue", Interval: 10 * time.Second, Func: func(context.Context) error { return nil }},
		{Endpoint: "disk", Name: "Disk", Func: func(context.Context) error {
			return healthcheck.Errorf(healthcheck.ReasonThreshold, "2 %% free, want 10 %%")
		}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var firstRuns sync.WaitGroup
	firstRuns.Add(2)
	stop := reg.Observe(func(*healthcheck.Check, healthcheck.Outcome) { firstRuns.Done() })

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- (&healthcheck.Runner{Registry: &reg, Interval: time.Hour}).Run(ctx) }()
	firstRuns.Wait()
	stop()

	snap := reg.Snapshot()
	fmt.Println("all:", snap.Level)
	for i := range snap.States {
		s := &snap.States[i]
		fmt.Println(s.Check.Name, s.Status().Result, s.Failures())
	}
	cancel()
	fmt.Println(<-done)
	// Output:
	// all: FAIL
	// Disk FAIL [{threshold 1}]
	// Message queue OK []
	// <nil>
}

// Any func(context.Context) error is a check, such as the method PingContext of a *sql.DB.
func ExampleCheckFunc() {
	db := &database{err: errors.New("connection refused")}
	var reg healthcheck.Registry
	if err := reg.Register(healthcheck.Check{Endpoint: "db", Timeout: 2 * time.Second, Func: db.PingContext}); err != nil {
		fmt.Println(err)
		return
	}
	level, err := reg.Run(context.Background())
	fmt.Println(level, err)
	s, _ := reg.Lookup("db")
	fmt.Println(s.Status())
	// Output:
	// FAIL <nil>
	// {FAIL connection refused}
}

// The functions of the agent SDK's healthcheck package.
func ExampleRegisterHealthcheck() {
	defer healthcheck.Default().Unregister("central") //nolint:errcheck // only so that the example can run again

	check := func(name string) *healthcheck.Status {
		return &healthcheck.Status{Result: healthcheck.OK, Details: name + " answers"}
	}
	if _, err := healthcheck.RegisterHealthcheck("Amplify Central", "central", check); err != nil {
		fmt.Println(err)
	}
	_, err := healthcheck.RegisterHealthcheck("Amplify Central", "central", check)
	fmt.Println(err)
	fmt.Println(healthcheck.RunChecks())
	fmt.Println(healthcheck.GetStatus("central"), healthcheck.GetStatus("nobody"))
	// Output:
	// a check with the endpoint of central already exists
	// OK
	// OK FAIL
}

// The status of a registry, on a server of the program's own.
func ExampleStatusHandler() {
	var reg healthcheck.Registry
	_ = reg.Register(healthcheck.Check{Endpoint: "db", Name: "Database", Func: (&database{}).PingContext})
	reg.Run(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/status", healthcheck.StatusHandler(&reg, func() healthcheck.Identity {
		return healthcheck.Identity{Name: "shop", Version: "1.4.2"}
	}))
	mux.Handle("/status/{endpoint}", healthcheck.CheckHandler(&reg))
	server := httptest.NewServer(mux)
	defer server.Close()

	output, err := healthcheck.GetHealthcheckOutput(server.URL + "/status")
	fmt.Println(output, err)
	// Output:
	// {
	//   "name": "shop",
	//   "version": "1.4.2",
	//   "status": "OK",
	//   "statusChecks": {
	//     "db": {
	//       "name": "Database",
	//       "endpoint": "db",
	//       "status": {
	//         "result": "OK"
	//       }
	//     }
	//   }
	// } <nil>
}
