//go:build !linux

package config_test

import "testing"

// blackHole returns nothing: how long the queue of a listener is cannot be said everywhere.
func blackHole(*testing.T) string { return "" }
