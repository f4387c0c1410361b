package statuscheck_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

func ExampleNew() {
	// The other process.
	var registry healthcheck.Registry
	err := registry.Register(healthcheck.Check{Endpoint: "db", Func: func(context.Context) error {
		return errors.New("too many connections")
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := registry.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(healthcheck.StatusHandler(&registry, nil))
	defer server.Close()

	check, err := statuscheck.New(statuscheck.Config{URL: server.URL + "/status"})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println(result.Level, result.Reason)
	fmt.Println(strings.TrimPrefix(result.Details, server.URL))
	// Output:
	// FAIL status
	// /status: the status is FAIL; db: too many connections
}

func ExampleDecode() {
	document, err := statuscheck.Decode(strings.NewReader(
		`{"name":"agent","status":"OK","statusChecks":{"central":{"name":"Central","endpoint":"central","status":{"result":"OK"}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(document.Name, document.Status)
	for _, c := range document.Components {
		fmt.Println(c.Endpoint, c.Status.Result)
	}
	// Output:
	// agent OK
	// central OK
}
