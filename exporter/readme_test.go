package exporter_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goSnippet is a block of Go in a page, which may be indented.
var goSnippet = regexp.MustCompile("(?ms)^( *)```go\n(.*?)^ *```")

// snippetImports are what the pages take for granted, by the name that the code has for it.
var snippetImports = map[string]string{
	"http":        "net/http",
	"time":        "time",
	"prometheus":  "github.com/prometheus/client_golang/prometheus",
	"promhttp":    "github.com/prometheus/client_golang/prometheus/promhttp",
	"healthcheck": module + "/healthcheck",
	"collector":   module + "/collector",
	"exporter":    module + "/exporter",
	"httpcheck":   module + "/healthcheck/checks/httpcheck",
	// The SDK is no module of ours. Its package has the names that ours has.
	"sdk": module + "/healthcheck",
}

// TestGoInPages compiles all Go in all pages, as the body of a function that has what the text takes for granted.
func TestGoInPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	overlay := map[string]string{}
	var packages []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			if err == nil && d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return err
		}
		page, err := os.ReadFile(path)
		for _, m := range goSnippet.FindAllStringSubmatch(string(page), -1) {
			name := fmt.Sprintf("snippet%d", len(packages))
			file := filepath.Join(dir, name+".go")
			require.NoError(t, os.WriteFile(file, []byte(snippetFile(path, m[2])), 0o600))
			overlay[filepath.Join(root, "exporter", "internal", name, name+".go")] = file
			packages = append(packages, "./exporter/internal/"+name)
		}
		return err
	}))
	require.GreaterOrEqual(t, len(packages), 3, "the README's")
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-overlay", file}, packages...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, string(out))
}

// snippetFile makes a file of a snippet.
func snippetFile(page, snippet string) string {
	snippet = regexp.MustCompile(`(?m)^\s*import .*$`).ReplaceAllString(snippet, "")
	snippet = regexp.MustCompile(`(?m)^\s*\.\.\.$`).ReplaceAllString(snippet, "if err != nil { return err }")
	imports := "\t\"context\"\n\t\"database/sql\"\n"
	const given = "healthcheck"
	for name, path := range snippetImports {
		if name == given || regexp.MustCompile(`\b`+name+`\.`).MatchString(snippet) {
			imports += fmt.Sprintf("\t%s %q\n", name, path)
		}
	}
	return "// From " + filepath.Base(page) + "\npackage snippet\n\nimport (\n" + imports + `)

func f(ctx context.Context, db *sql.DB, reg *healthcheck.Registry, server *healthcheck.Server, queue healthcheck.CheckStatus) error {
	{
` + snippet + `
	}
	return nil
}
`
}
