package httpcheck_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
)

func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"DOWN"}`)
	}))
	defer server.Close()

	checker, err := httpcheck.New(httpcheck.Config{
		URL:    server.URL + "/health",
		Expect: httpcheck.Expect{Status: []string{"2xx"}, BodyMatches: []string{`"status":"UP"`}},
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	result := checker.Check(ctx)
	fmt.Println(result.Level, result.Reason)
	fmt.Println(result.Details)
	// Output:
	// FAIL body
	// body does not match `"status":"UP"`: {"status":"DOWN"}
}

// Steps share their cookies, and what one extracts the next ones send.
func ExampleNew_steps() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.URL.Path == "/login":
			_, _ = io.WriteString(w, `{"token":"a-token-of-today"}`)
		case req.Header.Get("Authorization") == "Bearer a-token-of-today":
			_, _ = io.WriteString(w, `{"orders":{"stuck":12}}`)
		}
	}))
	defer server.Close()

	checker, err := httpcheck.New(httpcheck.Config{URL: server.URL, Steps: []httpcheck.Step{
		{Name: "login", URL: "/login", Method: "POST", Extract: map[string]httpcheck.Extract{"token": {JQ: ".token", Secret: true}}},
		{
			Name: "orders", URL: "/orders", Headers: map[string]string{"Authorization": "Bearer ${step.token}"},
			Expect: httpcheck.Expect{JSON: []string{".orders.stuck < 10"}}, Values: map[string]string{"stuck": ".orders.stuck"},
		},
	}})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	result := checker.Check(ctx)
	fmt.Println(result.Level, result.Reason)
	fmt.Println(result.Details)
	for _, v := range result.Values {
		if v.Measure.Name() == "value" {
			fmt.Println(v.Label, v.Value)
		}
	}
	// Output:
	// FAIL body
	// step "orders": `.orders.stuck < 10` is false, want true
	// stuck 12
}
