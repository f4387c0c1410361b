package convert_test

import (
	"go/build"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The packages stand in one line: the tree of the input, the draft of the output, the formats, which know nothing of each
// other, and what chooses among them.
var floors = [][]string{{"internal/tree"}, {"internal/draft"}, {"internal/blackbox", "internal/gatus", "internal/kuma"}, {"."}}

// TestImports keeps the arrows. Only the topmost package reads files, and none knows a network.
func TestImports(t *testing.T) {
	const module, here = "github.com/healthcheck-exporter/healthcheck_exporter/", "exporter/config/convert/"
	allowed := []string{"healthcheck", "exporter/config", "exporter/config/maintenance"}
	for i, floor := range floors {
		for _, name := range floor {
			pkg, err := build.ImportDir(name, 0)
			require.NoError(t, err)
			for _, path := range pkg.Imports {
				assert.NotContains(t, []string{"net/http", "os", "os/exec"}, path, name)
				own, ok := strings.CutPrefix(path, module)
				if !ok || slices.Contains(allowed, own) || name == "." && own == "exporter/config/internal/source" {
					continue
				}
				below := slices.ContainsFunc(slices.Concat(floors[:i]...), func(other string) bool { return own == here+other })
				assert.True(t, below, "%s imports %s", name, own)
			}
		}
	}
}
