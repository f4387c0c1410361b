// Package alerts makes the recording rules and alerts for Prometheus from rules.yml.tmpl and parameters.yml, and has their
// tests and an example for Alertmanager. What is deployed are files: healthcheck.rules.yml, prometheusrule.yaml,
// alertmanager.yml and healthcheck.tmpl. README.md is the runbook.
package alerts
