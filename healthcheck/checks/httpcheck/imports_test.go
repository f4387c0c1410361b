package httpcheck_test

import (
	"go/build"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kind of check knows healthcheck, and nobody who knows it.
func TestImports(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		if name, ours := strings.CutPrefix(path, module); ours {
			assert.Contains(t, []string{"healthcheck", "healthcheck/checks/internal/httpclient", "healthcheck/checks/internal/field", "healthcheck/checks/internal/peer", "healthcheck/checks/internal/target",
				"healthcheck/checks/internal/amount", "healthcheck/checks/internal/certs", "healthcheck/checks/internal/jq", "healthcheck/checks/internal/template", "healthcheck/checks/internal/value", "healthcheck/checks/secret"}, name)
		}
	}
}
