//go:build race

package config_test

const slowness = 10 // of the race detector
