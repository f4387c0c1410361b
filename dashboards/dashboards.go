// Package dashboards makes the Grafana dashboards of this folder. The JSON files are its output, so that the three agree
// in variables, links and in how they ask for things; UPDATE_GOLDEN=1 go test ./dashboards writes them.
package dashboards

import (
	"bytes"
	"encoding/json"
)

// JSON returns the dashboards by the name of their file.
func JSON() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, d := range []*dashboard{overview(), oneCheck(), exporter()} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return nil, err
		}
		files[d.UID+".json"] = b.Bytes()
	}
	return files, nil
}
