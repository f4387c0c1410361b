package convert_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// planted matches the secrets of the examples.
var planted = regexp.MustCompile(`k3y-of-the-shop|s3cret-of-basic|proxy-pass|cHJveHk6cHJveHk=|t0ken-of-bearer|s3cret-of-oauth|r3dis-pass|` +
	`of-the-exporter|qu3ry-t0ken|ur1-pass|qu3ry-key|JDJhJDEw\w+|w3bhook|gr4ph-token|b0dy-pass|pr0xy-pass|0auth-secret|ssh-pass|ext3rnal-token|` +
	`h3ader-token|basic-p4ss|pu5hT0ken|mqtt-pass|pr0xy:pass|ntlm-pass|\bk3y\b`)

// TestSecrets holds that a secret of the input is nowhere to be seen unless it was asked for.
func TestSecrets(t *testing.T) {
	total := 0
	for _, dir := range goldens(t) {
		files, opts := example(t, dir), optionsFor(dir)
		r, err := convert.Convert(files, opts)
		require.NoError(t, err)
		all := string(r.YAML)
		for _, n := range append(r.Listed, r.Ignored...) {
			all += n.String()
		}
		for _, f := range files {
			for _, secret := range planted.FindAllString(string(f.Data), -1) {
				total++
				assert.NotContains(t, all, secret, filepath.Base(dir))
			}
		}
		for _, v := range r.Variables {
			assert.Contains(t, string(r.YAML), "${"+v.Name+"}")
			assert.Contains(t, string(r.YAML), "#   "+v.Name+" (")
		}

		opts.WithSecrets = true
		r, err = convert.Convert(files, opts)
		require.NoError(t, err)
		assert.Empty(t, r.Variables)
	}
	assert.Greater(t, total, 25)
	r, err := convert.Convert(example(t, "testdata/blackbox-full"), convert.Options{WithSecrets: true})
	require.NoError(t, err)
	for _, secret := range []string{"k3y-of-the-shop", "s3cret-of-basic", "user:proxy-pass@", "t0ken-of-bearer", `"AUTH r3dis-pass\n"`, "token=qu3ry-t0ken"} {
		assert.Contains(t, string(r.YAML), secret)
	}
}

// TestSecretsByName holds by what a secret is known, and what stays readable.
func TestSecretsByName(t *testing.T) {
	for in, want := range map[string]string{
		`headers: { Authorization: "Bearer abc" }`:               "Authorization: Bearer ${X_AUTHORIZATION} # set X_AUTHORIZATION",
		`headers: { X-Api-Key: abc }`:                            "X-Api-Key: ${X_X_API_KEY}",
		`headers: { cookie: "session=abc" }`:                     "cookie: ${X_COOKIE}",
		`headers: { Authorization: "Bearer ${TOKEN}" }`:          "Authorization: Bearer ${TOKEN}\n",
		`headers: { Cookie: "session=$SESSION; lang=${LANG}" }`:  "Cookie: session=${SESSION}; lang=${LANG}\n",
		`headers: { Accept: "text/html" }`:                       "Accept: text/html\n",
		`body: '{"name": "x"}'`:                                  `body: '{"name": "x"}'`,
		`body: '{"password": "abc"}'`:                            "body: ${X_BODY} # set X_BODY",
		`url: "https://abc@x.example.com/"`:                      "url: https://${X_USER}@x.example.com/ # set X_USER",
		`url: "https://u:abc@x.example.com/?a=b&sig=abc#f"`:      "url: https://u:${X_PASSWORD}@x.example.com/?a=b&sig=${X_PASSWORD}#f # set X_PASSWORD, set X_PASSWORD",
		`url: "https://u:${PW}@x.example.com/"`:                  "url: https://u:${PW}@x.example.com/\n",
		`url: "https://x.example.com/?q=$$5&x=${X_BODY}"`:        "url: https://x.example.com/?q=$5&x=${X_BODY}\n",
		`url: "https://x.example.com/$${NOT}"`:                   "url: https://x.example.com/$${NOT}\n",
		`url: "https://x.example.com/${X_BODY}", body: "passwd"`: "body: ${X_BODY_2}",
	} {
		url := ` url: "https://x.example.com/",`
		if strings.HasPrefix(in, "url:") {
			url = ""
		}
		r, err := convert.Convert([]convert.File{file("f", "endpoints: [{ name: x,"+url+" "+in+" }]")}, convert.Options{})
		require.NoError(t, err, in)
		assert.Contains(t, string(r.YAML), want, in)
	}
}
