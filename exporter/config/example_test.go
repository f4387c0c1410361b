package config_test

import (
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

func ExampleParse() {
	cfg, err := config.Parse("checks.yml", []byte(`
defaults: { interval: 15s }
checks:
  - endpoint: shop
    http: { url: "https://shop.example.com/health" }
  - endpoint: disk
    interval: 5m
    filesystem: { path: /, min_free: 10% }
`), config.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range cfg.Checks {
		fmt.Println(c.Endpoint, c.Kind, c.Target, c.Interval, c.Timeout)
	}
	// Output:
	// shop http https://shop.example.com/health 15s 10s
	// disk filesystem / 5m0s 10s
}

func ExampleParse_mistakes() {
	_, err := config.Parse("checks.yml", []byte(`
checks:
  - endpoint: shop
    intervall: 15s
    http:
      url: ftp://shop.example.com/
      expect:
        body_matches: ['(']
`), config.Options{})
	fmt.Println(err)
	// Output:
	// checks.yml:4: checks[0]: unknown key "intervall"; did you mean "interval"?
	// checks.yml:6: checks[0].http.url: has not the scheme http or https
	// checks.yml:8: checks[0].http.expect.body_matches[0]: error parsing regexp: missing closing ): `(`
}
