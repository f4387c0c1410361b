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
