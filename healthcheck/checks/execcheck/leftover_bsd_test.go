//go:build unix && !linux

package execcheck_test

var platformPrograms map[string]func(args []string)

func isZombie(int) bool { return false }
