package config_test

import (
	"testing"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

var conformExec = conformer{
	echo: func(*testing.T) []func() any {
		var bases []func() any
		for _, encode := range []string{"cat", "base64", "od -An -v -tx1", `sed 's/%/%25/g; s/&/%26/g; s/"/%22/g; s/</%3C/g; s/ /+/g'`} {
			bases = append(bases, func() any {
				return &execcheck.Config{
					Command: []string{"sh", "-c", `{ printf '%s ' "$@" "$X_PLANTED"; cat; } | ` + encode + ` | tr '\n' ' '; exit 1`, "sh"},
				}
			})
		}
		return append(bases, func() any {
			return &execcheck.Config{
				Command: []string{"sh", "-c", `printf "OK | '%s'=1 '%s'=2\n" "$2" "$X_PLANTED"`, "sh"},
				Format:  execcheck.FormatNagios,
			}
		})
	},
	open:   []string{"command[0]", "dir", "format", "inherit_env", "expect.output_matches", "expect.output_not_matches"},
	silent: func(*testing.T) any { return &execcheck.Config{Command: []string{"sleep", "600"}} },
	files:  []string{"command[0]", "dir"},
	fine:   func(testing.TB) []any { return []any{&execcheck.Config{Command: []string{"true"}}} },
	runs:   1000, // a run is a process
}
