package exporter

import (
	"errors"
	"os"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v4"
)

// validateWeb looks at the web configuration until stop is closed.
func validateWeb(stop <-chan struct{}, file string) error {
	if file == "" {
		return nil
	}
	return readingWeb(stop, file, func() error {
		// The toolkit reads it again and again, which only a regular file allows.
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return errors.New("not a regular file")
		}
		return web.Validate(file)
	})
}

func readingWeb(stop <-chan struct{}, file string, read func() error) error {
	err, hangs := await(stop, loadPatience, read)
	return explain("web configuration", file, errors.Join(err, hangs))
}

// webConfig is what a client has to know of an exporter's web configuration. The zero webConfig is one without TLS and
// passwords.
type webConfig struct {
	known            bool
	tls              bool
	wantsCertificate bool
	wantsPassword    bool
	limitsRate       bool
}

// readWeb reads a web configuration; with no file anything is thought possible, as it may be given to the exporter alone.
func readWeb(stop <-chan struct{}, file string) (*webConfig, error) {
	if file == "" {
		return &webConfig{wantsCertificate: true, wantsPassword: true, limitsRate: true}, nil
	}
	w := &webConfig{known: true}
	err := readingWeb(stop, file, func() error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return w.parse(data)
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (w *webConfig) parse(data []byte) error {
	var c struct {
		TLS       map[string]any `yaml:"tls_server_config"`
		Users     map[string]any `yaml:"basic_auth_users"`
		RateLimit map[string]any `yaml:"rate_limit"`
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return err
	}
	auth, _ := c.TLS["client_auth_type"].(string)
	*w = webConfig{
		known:            true,
		tls:              len(c.TLS) > 0,
		wantsCertificate: strings.HasPrefix(auth, "Require") || auth == "VerifyClientCertIfGiven",
		wantsPassword:    len(c.Users) > 0,
		limitsRate:       len(c.RateLimit) > 0,
	}
	return nil
}

// schemes returns the schemes to try, one after the other.
func (w *webConfig) schemes() []string {
	switch {
	case !w.known:
		return []string{"http", "https"}
	case w.tls:
		return []string{"https"}
	default:
		return []string{"http"}
	}
}

// servesTLS reports whether a valid web configuration has a certificate.
func servesTLS(webConfigFile string) bool {
	if webConfigFile == "" {
		return false
	}
	w, err := readWeb(nil, webConfigFile)
	return err == nil && w.tls
}
