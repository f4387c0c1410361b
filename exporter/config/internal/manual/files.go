package manual

import (
	"errors"
	"os"
	"path/filepath"
)

// Files returns the generated files of the module at root, by their paths in it, and what a reader would miss.
func Files(root string) (files map[string][]byte, lacks []string, err error) {
	m, err := New(Options{Dir: root})
	if err != nil {
		return nil, nil, err
	}
	schema, err := m.Schema()
	if err != nil {
		return nil, nil, err
	}
	metrics, err := m.Metrics(root)
	if err != nil {
		return nil, nil, err
	}
	files = map[string][]byte{SchemaPath: schema, ConfigurationPath: m.Configuration(), MetricsPath: metrics}
	return files, m.Lacks, nil
}

// Root returns the root of the module that a folder is in.
func Root(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not in a module")
		}
		dir = up
	}
}
