// Package alerts has the recording rules and alerts for Prometheus, their tests, and an example for Alertmanager. They
// are files to deploy; there is no code to import. README.md is the runbook.
package alerts
