package processcheck

import "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"

// NewIn is New with another folder for proc and etc.
func NewIn(c Config, root string) (healthcheck.Checker, error) { return newChecker(c, root) }
