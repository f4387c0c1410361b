package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// broken are configurations with mistakes, and what a person is told: "line: path: text".
var broken = []struct {
	name, yaml string
	want       []string
}{
	// The file as a whole.
	{"empty", "", []string{`1: the file is empty; it needs at least "checks:"`}},
	{"only blanks", "\n  \n\n", []string{`1: the file is empty; it needs at least "checks:"`}},
	{"only comments", "# checks:\n#  - endpoint: a\n", []string{`1: the file is empty; it needs at least "checks:"`}},
	{"only a separator", "---\n", []string{`1: the file is empty; it needs at least "checks:"`}},
	{"only a byte order mark", "\ufeff", []string{`1: the file is empty; it needs at least "checks:"`}},
	{"a text", "checks\n", []string{`1: want a mapping of keys to values, not a text`}},
	{"a list", "# my checks\n- endpoint: a\n", []string{`2: want a mapping of keys to values, not a list`}},
	{"no checks", "name: x\n", []string{`1: checks: is missing; list what to check here`}},
	{"checks without value", "name: x\nchecks:\n", []string{`2: checks: has no value; give it one, or remove it`}},
	{"checks as a mapping", "checks:\n  a:\n    noop: {}\n", []string{`1: checks: want a list of checks, not a mapping`}},
	{"second document", "checks: []\n---\nchecks: []\n", []string{`2: a second YAML document ("---"); the file may hold only one`}},
	{"two same documents after a comment", "---\n# one\n---\nchecks: []\n---\nname: x\n", []string{`5: a second YAML document ("---"); the file may hold only one`}},
	{"UTF-16", "\xff\xfec\x00h\x00", []string{`1: not UTF-8, but probably UTF-16; save the file as UTF-8`}},
	{"UTF-16 without a mark", "c\x00h\x00", []string{`1: not UTF-8, but probably UTF-16; save the file as UTF-8`}},
	{"Latin-1", "checks: []\nname: caf\xe9\n", []string{`2: not valid UTF-8`}},
	{"control character", "checks: []\nname: a\x01b\n", []string{`2: control character 0x01 is not allowed in YAML`}},
	{"delete character", "checks: []\nname: a\u0080b\n", []string{`2: control character U+0080 is not allowed in YAML`}},
	{"byte order mark within", "checks: []\n\ufeffname: a\n", []string{`2: a byte order mark is allowed only at the very beginning`}},

	// YAML.
	{"tab", "checks:\n\t- endpoint: a\n", []string{`2: not valid YAML: found character that cannot start any token; indent with spaces, not tabs`}},
	{"indented too far", "checks:\n  - endpoint: a\n     noop: {}\n", []string{
		`3: not valid YAML: mapping values are not allowed in this context; check the indentation, and quote a text that has ": " in it`}},
	{"indented too little", "name: x\nchecks:\n  - endpoint: a\n    noop: {}\n   optional: true\n  - endpoint: b\n    noop: {}\n", []string{
		`5: not valid YAML: did not find expected '-' indicator; check the indentation of this line and of those before it`}},
	{"key among items", "checks:\n  - endpoint: a\n    noop:\n      level: 1\n     x: 1\n", []string{
		`5: not valid YAML: did not find expected key; check the indentation of this line and of those before it`}},
	{"colon in a text", "checks:\n  - endpoint: a\n    name: one: two\n", []string{
		`3: not valid YAML: mapping values are not allowed in this context; check the indentation, and quote a text that has ": " in it`}},
	{"no colon", "checks:\n  - endpoint: a\n    noop\n    optional: true\n", []string{
		`3: not valid YAML: could not find expected ':'; this line may lack a ":", or a space after its ":"`}},
	{"open quote", "checks:\n  - endpoint: \"a\n    noop: {}\n", []string{
		`2: not valid YAML: found unexpected end of stream; a quote that is opened here is never closed`}},
	{"open brace", "name: x\nchecks:\n  - {endpoint: a, noop: {}\n  - endpoint: b\n", []string{`3: not valid YAML: did not find expected ',' or '}'`}},
	{"open bracket", "name: x\nchecks: [\n", []string{`2: not valid YAML: did not find expected node content`}},
	{"unquoted reference between braces", "checks:\n  - {endpoint: ${HOST}, noop: {}}\n", []string{
		`2: not valid YAML: did not find expected ',' or '}'; between { } or [ ], quote a text with a reference: "${NAME}"`}},
	{"special character", "checks: []\nname: @home\n", []string{
		"2: not valid YAML: found character that cannot start any token; quote a text that begins with a special character such as @, % or `"}},
	{"escape", "checks: []\nname: \"\\d+\"\n", []string{
		`2: not valid YAML: found unknown escape character; inside "..." a backslash begins an escape: use '...' for regular expressions`}},
	{"alias without anchor", "checks:\n  # *a is not here\n  - endpoint: x\n    name: *a\n    noop:\n", []string{
		`4: an alias that stands for nothing: no such anchor before it; quote a text that begins with *`}},
	{"too deep", "checks: " + strings.Repeat("[", 20_000), []string{`1: not valid YAML: exceeded max depth of 10000`}},
	{"blank before the first key", "# mine\n name: x\n\nchecks: []\n", []string{
		`2: not valid YAML: the first key is further to the right than line 4; begin both in the same column`}},
	{"blank before the first key of a document", "---\n  checks:\n  - endpoint: a\nname: x", []string{
		`2: not valid YAML: the first key is further to the right than line 4; begin both in the same column`}},
	{"comma missing between braces", "checks:\n  - {\n    endpoint: a # one\n    # two\n    noop: {}\n  }\n", []string{`3: not valid YAML: did not find expected ',' or '}'`}},
	{"tag", "checks: []\nname: !secret x\n", []string{`2: name: this tag is not supported; a text that begins with ! needs quotes`}},
	{"tagged mapping", "checks:\n  - !check {endpoint: a}\n", []string{`2: checks[0]: this tag is not supported; a text that begins with ! needs quotes`}},
	{"binary", "checks: []\nname: !!binary aGk=\n", []string{`2: name: this tag is not supported; a text that begins with ! needs quotes`}},
	{"key is a list", "checks: []\n? [a, b]\n: c\n", []string{`2: a key must be a plain text`}},
	{"key is null", "checks: []\n~: c\n", []string{`2: a key must be a plain text`}},
	{"CRLF keeps the lines", "name: x\r\n\r\nchecks:\r\n  - endpoint: a\r\n    bogus: 1\r\n    noop: {}\r\n", []string{
		`5: checks[0]: unknown key "bogus"; known are: CHECK_KEYS, noop, web`}},

	// Keys.
	{"unknown key", "namee: x\nchecks: []\n", []string{`1: unknown key "namee"; did you mean "name"?`}},
	{"unknown keys everywhere", "cheks: []\ndefaults:\n  timeot: 1s\nchecks:\n  - endpoint: a\n    intervall: 5s\n    web:\n      url: http://x\n      expect:\n        stauts: []\n", []string{
		`1: unknown key "cheks"; did you mean "checks"?`,
		`3: defaults: unknown key "timeot"; did you mean "timeout"?`,
		`6: checks[0]: unknown key "intervall"; did you mean "interval"?`,
		`10: checks[0].web.expect: unknown key "stauts"; did you mean "status"?`}},
	{"camel case", "checks:\n  - endpoint: a\n    failureThreshold: 2\n    depends-on: []\n    noop: {}\n", []string{
		`3: checks[0]: unknown key "failureThreshold"; did you mean "failure_threshold"?`,
		`4: checks[0]: unknown key "depends-on"; did you mean "depends_on"?`}},
	{"nothing alike", "checks: []\nrules: []\n", []string{`2: unknown key "rules"; known are: FILE_KEYS`}},
	{"setting of the kind beside it", "checks:\n  - endpoint: a\n    web:\n    url: http://x\n", []string{
		`3: checks[0].web.url: is missing`,
		`4: checks[0]: unknown key "url"; it belongs below "web:": indent it further`}},
	{"setting of the check below the kind", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      interval: 5s\n", []string{
		`5: checks[0].web: unknown key "interval"; it belongs to the check, beside "endpoint:": indent it less`}},
	{"references in keys", "checks:\n  - endpoint: a\n    labels: {\"${HOST}\": x}\n    web:\n      url: http://x\n      headers:\n        X-${HOST}: x\n        ${PASSWORD}: x\n", []string{
		`3: checks[0].labels: a key cannot hold a reference: ${...} is replaced in values only`,
		`7: checks[0].web.headers: a key cannot hold a reference: ${...} is replaced in values only`,
		`8: checks[0].web.headers: a key cannot hold a reference: ${...} is replaced in values only`}},
	{"keys for people are at the top only", "x-mine: 1\nX-mine: 1\nxmine: 1\nchecks:\n  - endpoint: a\n    x-mine: 1\n    noop: {x-mine: 1}\n", []string{
		`2: unknown key "X-mine"; known are: FILE_KEYS`,
		`3: unknown key "xmine"; known are: FILE_KEYS`,
		`6: checks[0]: unknown key "x-mine"; known are: CHECK_KEYS, noop, web`,
		`7: checks[0].noop: unknown key "x-mine"; known are: level`}},
	{"passwords that are something else to YAML", "checks:\n  - endpoint: a\n    web: {Bearer hunter2}\n  - endpoint: b\n    web:\n      url: http://x\n      Bearer hunter2: x\n      headers: {\"Authorization: Bearer hunter2\"}\n      token: !hunter2\n      basic_auth: {hunter2}\n      tls_config: {min_version: hunter2}\n", []string{
		`3: checks[0].web: unknown key; known are: url, method, headers, expect, retries, size, ratio, follow, wait, pattern, steps, groups, proxy, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, tls_config, basic_auth, oauth2, client_headers, either, token, authorization`,
		`3: checks[0].web.url: is missing`,
		`7: checks[1].web: unknown key; known are: url, method, headers, expect, retries, size, ratio, follow, wait, pattern, steps, groups, proxy, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, tls_config, basic_auth, oauth2, client_headers, either, token, authorization`,
		`8: checks[1].web.headers["…"]: has no value; give it one, or remove it`,
		`9: checks[1].web.token: this tag is not supported; a text that begins with ! needs quotes`,
		`10: checks[1].web.basic_auth: unknown key; known are: username, username_file, username_ref, password, password_file, password_ref`,
		`11: checks[1].web.tls_config.min_version: unknown TLS version`}},
	{"alias within a password", "name: *hunter2\nchecks: []\n", []string{
		`1: an alias that stands for nothing: no such anchor before it; quote a text that begins with *`}},
	{"repeated key", "name: a\nchecks: []\nname: b\n", []string{`3: name: the key is already there, on line 1`}},
	{"repeated keys below", "checks:\n  - endpoint: a\n    labels:\n      x: 1\n      x: 2\n    noop:\n      level: 1\n      level: 1\n    noop: {}\n", []string{
		`5: checks[0].labels.x: the key is already there, on line 4`,
		`8: checks[0].noop.level: the key is already there, on line 7`,
		`9: checks[0].noop: the key is already there, on line 6`}},
	{"repeated checks", "checks: []\nname: x\nchecks: []\n", []string{`3: checks: the key is already there, on line 1`}},

	// Kinds.
	{"no kind", "checks:\n  - endpoint: a\n  - endpoint: b\n    interval: 5s\n", []string{
		`2: checks[0]: says not what to check: add one of noop, web`,
		`3: checks[1]: says not what to check: add one of noop, web`}},
	{"two kinds", "checks:\n  - endpoint: a\n    noop: {}\n    web: {url: http://x}\n", []string{
		`4: checks[0]: has two kinds, noop (line 3) and web; make it two checks`}},
	{"misspelt kind", "checks:\n  - endpoint: a\n    wbe: {url: http://x}\n", []string{`3: checks[0]: unknown key "wbe"; did you mean "web"?`}},
	{"kind is a text", "checks:\n  - endpoint: a\n    web: http://x\n", []string{
		`3: checks[0].web: want a mapping of keys to values, not a text`}},
	{"kind without settings", "checks:\n  - endpoint: a\n    web:\n", []string{`3: checks[0].web.url: is missing`}},
	{"misspelt field is not missing too", "checks:\n  - endpoint: a\n    web:\n      ulr: http://x\n", []string{
		`4: checks[0].web: unknown key "ulr"; did you mean "url"?`}},
	{"what the kind says", "checks:\n  - endpoint: a\n    web:\n      url: nowhere\n      expect:\n        status:\n          - 200\n          - wrong\n        body_matches: ['(']\n      headers:\n        Host: x\n        Bad.Name: x\n", []string{
		`4: checks[0].web.url: "nowhere" has no host`,
		`8: checks[0].web.expect.status[1]: want a status such as 200 or 2xx, not wrong`,
		"9: checks[0].web.expect.body_matches[0]: error parsing regexp: missing closing ): `(`",
		`11: checks[0].web.headers.Host: set url instead`,
		`12: checks[0].web.headers.Bad.Name: is no header`}},
	{"what the kind says of the whole", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      method: WHOLE\n", []string{
		`3: checks[0].web: does not like http://x`}},
	{"field that is not decoded is not judged", "checks:\n  - endpoint: a\n    web:\n      url: [http://x]\n      expect: {status: 200}\n", []string{
		`4: checks[0].web.url: want a text, not a list`,
		`5: checks[0].web.expect.status: want a list, not a number`}},
	{"kind that panics", "checks:\n  - endpoint: a\n    web:\n      url: http://x/hunter2\n      method: PANIC\n  - endpoint: b\n    web: {url: http://x, method: CRASH}\n  - endpoint: c\n    bogus: {}\n    noop: {}\n", []string{
		`3: checks[0].web: internal error: panic of type string`,
		`7: checks[1].web: internal error: runtime error: index out of range [8] with length 0`,
		`9: checks[2]: unknown key "bogus"; known are: CHECK_KEYS, noop, web`}},

	// Endpoints.
	{"no endpoint", "checks:\n  - noop: {}\n", []string{`2: checks[0].endpoint: is missing; it is the unique name of the check, such as "database"`}},
	{"endpoint without value", "checks:\n  - endpoint:\n    noop: {}\n", []string{`2: checks[0].endpoint: has no value; give it one, or remove it`}},
	{"endpoint with a slash", "checks:\n  - endpoint: a/b\n    noop: {}\n", []string{
		`2: checks[0].endpoint: "a/b" cannot name a check: want 1 to 128 letters, digits, dots, underscores and hyphens, not only dots`}},
	{"endpoint of dots", "checks:\n  - endpoint: ..\n    noop: {}\n", []string{
		`2: checks[0].endpoint: ".." cannot name a check: want 1 to 128 letters, digits, dots, underscores and hyphens, not only dots`}},
	{"endpoint too long", "checks:\n  - endpoint: " + strings.Repeat("a", 129) + "\n    noop: {}\n", []string{
		`2: checks[0].endpoint: "` + strings.Repeat("a", 80) + `…" cannot name a check: want 1 to 128 letters, digits, dots, underscores and hyphens, not only dots`}},
	{"endpoint taken", "checks:\n  - endpoint: a\n    noop: {}\n  - endpoint: b\n    noop: {}\n  - noop: {}\n    endpoint: a\n", []string{
		`7: checks[2].endpoint: "a" is already the endpoint of the check on line 2`}},
	{"check without value", "checks:\n  -\n  - endpoint: a\n    noop: {}\n", []string{`2: checks[0]: has no value; give it one, or remove it`}},
	{"check is a text", "checks:\n  - a\n", []string{`2: checks[0]: want a mapping of keys to values, not a text`}},

	// Values.
	{"wrong types", "name: [x]\nversion: {a: b}\ndefaults: []\nchecks:\n  - endpoint: a\n    optional: 1\n    depends_on: b\n    labels: [x]\n    failure_threshold: two\n    noop: {level: 1.5}\n", []string{
		`1: name: want a text, not a list`,
		`2: version: want a text, not a mapping`,
		`3: defaults: want a mapping of keys to values, not a list`,
		`6: checks[0].optional: want true or false, not 1`,
		`7: checks[0].depends_on: want a list, not a text`,
		`8: checks[0].labels: want a mapping of keys to values, not a list`,
		`9: checks[0].failure_threshold: want a whole number, not a text`,
		`10: checks[0].noop.level: want a whole number, not 1.5`}},
	{"nulls", "name:\nversion: ~\ndefaults: {interval: null}\nchecks:\n  - endpoint: a\n    optional:\n    depends_on:\n    labels:\n      x:\n    noop: {level: }\n", []string{
		`1: name: has no value; give it one, or remove it`,
		`2: version: has no value; give it one, or remove it`,
		`3: defaults.interval: has no value; give it one, or remove it`,
		`6: checks[0].optional: has no value; give it one, or remove it`,
		`7: checks[0].depends_on: has no value; give it one, or remove it`,
		`9: checks[0].labels.x: has no value; give it one, or remove it`,
		`10: checks[0].noop.level: has no value; give it one, or remove it`}},
	{"quoted number and truth", "checks:\n  - endpoint: a\n    optional: 'true'\n    noop: {level: '1'}\n", []string{
		`3: checks[0].optional: want true or false, not "true"`,
		`4: checks[0].noop.level: want a whole number, not "1"`}},
	{"yes is no truth", "checks:\n  - endpoint: a\n    optional: yes\n    noop: {}\n", []string{`3: checks[0].optional: want true or false, not "yes"`}},
	{"numbers out of range", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      retries: 128\n      size: -1\n      ratio: .inf\n      groups: {a: [99999999999999999999]}\n", []string{
		`5: checks[0].web.retries: 128 is out of range`,
		`6: checks[0].web.size: -1 is out of range`,
		`7: checks[0].web.ratio: want a number, not .inf`,
		`8: checks[0].web.groups.a[0]: want a whole number, not 99999999999999999999`}},
	{"octal", "checks:\n  - endpoint: a\n    failure_threshold: 010\n    noop: {}\n", []string{
		`3: checks[0].failure_threshold: 010 could be octal or decimal; drop the leading 0`}},
	{"durations", "defaults:\n  interval: 30\n  timeout: 5 s\n  failing_interval: soon\nchecks:\n  - endpoint: a\n    initial_delay: 1.5\n    noop: {}\n", []string{
		`2: defaults.interval: want a duration with its unit, such as 30s or 1m30s, not 30`,
		`3: defaults.timeout: want a duration with its unit, such as 30s or 1m30s, not "5 s"`,
		`4: defaults.failing_interval: want a duration with its unit, such as 30s or 1m30s, not a text`,
		`7: checks[0].initial_delay: want a duration with its unit, such as 30s or 1m30s, not 1.5`}},
	{"durations out of range", "defaults:\n  interval: 10ms\n  timeout: -1s\n  failing_interval: 1ms\nchecks:\n  - endpoint: a\n    interval: 2y\n    timeout: 0s\n    initial_delay: -5s\n    failing_interval: 400d\n    noop: {}\n", []string{
		`2: defaults.interval: 10ms is not between 50ms and 365d`,
		`3: defaults.timeout: -1s is not between 1ms and 365d`,
		`4: defaults.failing_interval: 1ms is not between 50ms and 365d`,
		`7: checks[0].interval: 2y is not between 50ms and 365d`,
		`8: checks[0].timeout: 0s is not between 1ms and 365d`,
		`9: checks[0].initial_delay: -5s is not between 0s and 365d`,
		`10: checks[0].failing_interval: 400d is not between 50ms and 365d`}},
	{"timeout longer than the interval", "checks:\n  - endpoint: a\n    timeout: 10s\n    interval: 5s\n    noop: {}\n  - endpoint: b\n    timeout: 31s\n    noop: {}\n", []string{
		`3: checks[0].timeout: 10s is longer than the interval of 5s`,
		`7: checks[1].timeout: 31s is longer than the interval of 30s`}},
	{"failing interval longer than the interval", "defaults: {failing_interval: 1m}\nchecks:\n  - endpoint: a\n    interval: 5s\n    failing_interval: 10s\n    noop: {}\n  - endpoint: b\n    failing_interval: 31s\n    noop: {}\n  - endpoint: c\n    noop: {}\n", []string{
		`5: checks[0].failing_interval: 10s is longer than the interval of 5s`,
		`8: checks[1].failing_interval: 31s is longer than the interval of 30s`}},
	{"timeout is not compared with a bad interval", "checks:\n  - endpoint: a\n    timeout: 40s\n    interval: 60sec\n    noop: {}\n", []string{
		`4: checks[0].interval: want a duration with its unit, such as 30s or 1m30s, not "60sec"`}},
	{"thresholds", "defaults: {failure_threshold: 0}\nchecks:\n  - endpoint: a\n    failure_threshold: -1\n    success_threshold: 1000001\n    noop: {}\n", []string{
		`1: defaults.failure_threshold: 0 is not between 1 and 1000000`,
		`4: checks[0].failure_threshold: -1 is not between 1 and 1000000`,
		`5: checks[0].success_threshold: 1000001 is not between 1 and 1000000`}},
	{"labels", "defaults:\n  labels: {le: x}\nchecks:\n  - endpoint: a\n    labels:\n      team: x\n      a-b: x\n      check: x\n      __name: x\n      \"\": x\n      instance: x\n      version: x\n    noop: {}\n", []string{
		`2: defaults.labels.le: label name "le" is reserved`,
		`7: checks[0].labels.a-b: label name "a-b" is not of the form [a-zA-Z_][a-zA-Z0-9_]* or begins with __`,
		`8: checks[0].labels.check: label name "check" is reserved`,
		`9: checks[0].labels.__name: label name "__name" is not of the form [a-zA-Z_][a-zA-Z0-9_]* or begins with __`,
		`10: checks[0].labels[""]: label name "" is not of the form [a-zA-Z_][a-zA-Z0-9_]* or begins with __`,
		`11: checks[0].labels.instance: label name "instance" is reserved`,
		`12: checks[0].labels.version: label name "version" is reserved for healthcheck_tls_version_info`}},

	// Maintenance.
	{"windows for all", "maintenance:\n  - {}\n  -\n  - cron: 0 2 * * 6\n    duration: 2h\n    from: 2026-12-24T18:00:00Z\n  - cron: 0 2 * * 6\n  - {duration: 1h, timezone: UTC}\nchecks: []\n", []string{
		`2: maintenance[0]: says not when: add cron and duration, or from and to`,
		`3: maintenance[1]: says not when: add cron and duration, or from and to`,
		`4: maintenance[2]: has both cron and from or to; make it two windows`,
		`7: maintenance[3].duration: is missing; say how long the window lasts, from 1m to 7d`,
		`8: maintenance[4]: says not when: add cron and duration, or from and to`}},
	{"windows of a check", "checks:\n  - endpoint: a\n    noop: {}\n    maintenance:\n      - cron: 0 24 * * *\n        duration: 59s\n        timezone: Europe/Berln\n      - {cron: '@daily', duration: soon}\n  - endpoint: b\n    noop: {}\n    maintenance: [ { cron: '@daily', duration: -1h } ]\n", []string{
		`5: checks[0].maintenance[0].cron: "24" is no hour; want 0 to 23, as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`6: checks[0].maintenance[0].duration: is not between 1m and 7d`,
		`7: checks[0].maintenance[0].timezone: no time zone is named "Europe/Berln"; want a name such as Europe/Berlin, UTC or Local`,
		`8: checks[0].maintenance[1].duration: want a duration with its unit, such as 30s or 1m30s, not a text`,
		`11: checks[1].maintenance[0].duration: is not between 1m and 7d`}},
	{"crontab expressions", "maintenance:\n  - {duration: 1h, cron: '@every 1h'}\n  - {duration: 1h, cron: 0 2 * *}\n  - {duration: 1h, cron: 0 0 2 * * 6}\n  - {duration: 1h, cron: CRON_TZ=UTC}\n  - {duration: 1h, cron: 0 0 30 2 *}\n  - {duration: 1h, cron: 0 2 * * 8}\n  - {duration: 1h, cron: 0 2 * * fri-mon}\n  - {duration: 1h, cron: 'x 2 * * *'}\n  - {duration: 1h, cron: '0 2 , * *'}\n  - {duration: 1h, cron: 0 2 * foo *}\n  - {duration: 1h, cron: ' '}\nchecks: []\n", []string{
		`2: maintenance[0].cron: "@every 1h" is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		`3: maintenance[1].cron: want five fields (minute, hour, day of the month, month, day of the week), not 4`,
		`4: maintenance[2].cron: want five fields (minute, hour, day of the month, month, day of the week), not 6`,
		`5: maintenance[3].cron: has a = in it; give the time zone as timezone`,
		`6: maintenance[4].cron: "0 0 30 2 *" never comes: no such month has such a day`,
		`7: maintenance[5].cron: "8" is no day of the week; want 0 to 7 (0 and 7 are Sunday), sun to sat, 1#2 (second Monday) or 5L (last Friday), as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`8: maintenance[6].cron: "fri-mon" is no day of the week; want 0 to 7 (0 and 7 are Sunday), sun to sat, 1#2 (second Monday) or 5L (last Friday), as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`9: maintenance[7].cron: "x" is no minute; want 0 to 59, as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`10: maintenance[8].cron: "," is no day of the month; want 1 to 31 or L (the last), as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`11: maintenance[9].cron: "foo" is no month; want 1 to 12 or jan to dec, as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`12: maintenance[10]: says not when: add cron and duration, or from and to`}},
	{"zones that are files", "maintenance:\n  - {cron: '@daily', duration: 1h, timezone: ../../etc/passwd}\n  - {cron: '@daily', duration: 1h, timezone: /etc/passwd}\n  - {cron: '@daily', duration: 1h, timezone: Europe}\n  - {cron: '@daily', duration: 1h, timezone: " + strings.Repeat("a", 100) + "}\nchecks: []\n", []string{
		`2: maintenance[0].timezone: no time zone is named "../../etc/passwd"; want a name such as Europe/Berlin, UTC or Local`,
		`3: maintenance[1].timezone: no time zone is named "/etc/passwd"; want a name such as Europe/Berlin, UTC or Local`,
		`4: maintenance[2].timezone: no time zone is named "Europe"; want a name such as Europe/Berlin, UTC or Local`,
		`5: maintenance[3].timezone: no time zone is named "` + strings.Repeat("a", 80) + `…"; want a name such as Europe/Berlin, UTC or Local`}},
	{"times", "maintenance:\n  - {from: 2026-12-24T18:00:00+01:00, to: 2026-12-24T17:00:00Z}\n  - {from: 2026-12-24T18:00:00Z}\n  - {to: 2026-12-24T18:00:00Z}\n  - {from: 2026-12-24, to: 2026-12-24T18:00:00}\n  - {from: tomorrow, to: [x]}\n  - {from: 2026-12-24T18:00:00Z, to: }\n  - {from: 2026-02-29T18:00:00Z, to: 2026-12-24T18:00:00+25:00}\n  - {from: 1, to: '2026-12-24 18:00:00Z'}\n  - from: 2026-12-24T18:00:00Z\n    to: 2026-12-25T18:00:00Z\n    duration: 1h\n    timezone: UTC\nchecks: []\n", []string{
		`2: maintenance[0].to: is not after from`,
		`3: maintenance[1].to: is missing; say when the window ends`,
		`4: maintenance[2].from: is missing; say when the window begins`,
		`5: maintenance[3].from: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not 2026-12-24`,
		`5: maintenance[3].to: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not "2026-12-24T18:00:00"`,
		`6: maintenance[4].from: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not a text`,
		`6: maintenance[4].to: want a time such as 2026-12-24T18:00:00+01:00, not a list`,
		`7: maintenance[5].to: has no value; give it one, or remove it`,
		`8: maintenance[6].from: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not "2026-02-29T18:00:00Z"`,
		`8: maintenance[6].to: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not "2026-12-24T18:00:00+25:00"`,
		`9: maintenance[7].from: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not 1`,
		`9: maintenance[7].to: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not "2026-12-24 18:00:00Z"`,
		`12: maintenance[8].duration: goes with cron; from and to tell how long the window lasts`,
		`13: maintenance[8].timezone: goes with cron; from and to have their own offsets`}},
	{"windows that cannot be read", "maintenance: {cron: '@daily'}\ndefaults: {maintenance: []}\nchecks:\n  - endpoint: a\n    maintenance: nightly\n    noop: {}\n  - endpoint: b\n    maintenance:\n    noop: {}\n  - endpoint: c\n    maintenance: [x, {crom: '@daily', duration: 1h}, {cron: '@daily', duraton: 1h}, {cron: '@daily', length: 1h}]\n    noop: {maintenance: []}\n", []string{
		`1: maintenance: want a list, not a mapping`,
		`2: defaults: unknown key "maintenance"; known are: interval, timeout, failing_interval, failure_threshold, success_threshold, labels`,
		`5: checks[0].maintenance: want a list, not a text`,
		`8: checks[1].maintenance: has no value; give it one, or remove it`,
		`11: checks[2].maintenance[0]: want a mapping of keys to values, not a text`,
		`11: checks[2].maintenance[1]: unknown key "crom"; did you mean "cron"?`,
		`11: checks[2].maintenance[2]: unknown key "duraton"; did you mean "duration"?`,
		`11: checks[2].maintenance[3]: unknown key "length"; known are: cron, duration, timezone, from, to`,
		`11: checks[2].maintenance[3].duration: is missing; say how long the window lasts, from 1m to 7d`,
		`12: checks[2].noop: unknown key "maintenance"; it belongs to the check, beside "endpoint:": indent it less`}},
	{"too many windows", "maintenance: [" + manyWindows(100) + "]\nchecks:\n  - endpoint: a\n    noop: {}\n  - endpoint: b\n    noop: {}\n    maintenance: [{cron: '@daily', duration: 1h}]\n  - endpoint: c\n    noop: {}\n    maintenance: [" + manyWindows(100) + "]\n  - endpoint: d\n    noop: {}\n    maintenance: [" + manyWindows(101) + "]\n", []string{
		`7: checks[1].maintenance: more than 100 windows apply`,
		`10: checks[2].maintenance: more than 100 windows apply`,
		`13: checks[3].maintenance: more than 100 windows apply`}},
	{"mistakes in windows for all are told once", "maintenance: [{cron: '@daily', duration: 8d}]\nchecks:\n  - endpoint: a\n    noop: {}\n    maintenance: [{cron: '@daily', duration: 1h, timezone: Nowhere}]\n", []string{
		`1: maintenance[0].duration: is not between 1m and 7d`,
		`5: checks[0].maintenance[0].timezone: no time zone is named "Nowhere"; want a name such as Europe/Berlin, UTC or Local`}},
	{"references in windows", "checks:\n  - endpoint: a\n    noop: {}\n    maintenance: [{cron: \"${SECRETIV} 2 * * *\", duration: \"${SECONDS}\", timezone: \"${SECRETIV}\"}, {from: \"${SECRETIV}\"}]\n", []string{
		`4: checks[0].maintenance[1].from: want a time with date and offset, such as 2026-12-24T18:00:00+01:00, not the value of ${SECRETIV}`,
		`4: checks[0].maintenance[0].duration: is not between 1m and 7d`,
		`4: checks[0].maintenance[0].cron: "${SECRETIV}" is no minute; want 0 to 59, as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
		`4: checks[0].maintenance[0].timezone: no time zone is named "${SECRETIV}"; want a name such as Europe/Berlin, UTC or Local`}},

	// Dependencies.
	{"dependencies", "checks:\n  - endpoint: database\n    depends_on: [databse, database, nowhere, web, web]\n    noop: {}\n  - endpoint: web\n    noop: {}\n", []string{
		`3: checks[0].depends_on[0]: no check has the endpoint "databse"; did you mean "database"?`,
		`3: checks[0].depends_on[1]: a check cannot depend on itself`,
		`3: checks[0].depends_on[2]: no check has the endpoint "nowhere"`,
		`3: checks[0].depends_on[4]: web is already in the list`}},
	{"circle", "checks:\n  - endpoint: z\n    depends_on: [c]\n    noop: {}\n  - endpoint: a\n    depends_on:\n      - b\n    noop: {}\n  - endpoint: b\n    depends_on: [c]\n    noop: {}\n  - endpoint: c\n    depends_on: [a]\n    noop: {}\n", []string{
		`6: checks[1].depends_on: checks wait for each other in a circle: a → b → c → a`}},
	{"too many dependencies", "checks:\n  - endpoint: a\n    noop: {}\n    depends_on: [" + strings.Repeat("b,", 1001) + "]\n", []string{
		`4: checks[0].depends_on: more than 1000 dependencies`}},

	// Types that decode themselves.
	{"unknown key in tls_config", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      tls_config:\n        insecure_skip_verfy: true\n        foo: 1\n", []string{
		`6: checks[0].web.tls_config: unknown key "insecure_skip_verfy"; did you mean "insecure_skip_verify"?`,
		`7: checks[0].web.tls_config: unknown key "foo"; known are: ca, cert, key, ca_file, cert_file, key_file, ca_ref, cert_ref, key_ref, server_name, insecure_skip_verify, min_version, max_version`}},
	{"contradictions in tls_config", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      tls_config: {ca: x, ca_file: y}\n", []string{
		`5: checks[0].web.tls_config: at most one of ca, ca_file & ca_ref must be configured`}},
	{"types within types", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      oauth2:\n        client_id: [x]\n        tls_config:\n          min_version: TLS9\n          kye: 1\n      basic_auth: {usrname: x}\n      token: {a: b}\n", []string{
		`6: checks[0].web.oauth2.client_id: want a text, not a list`,
		`8: checks[0].web.oauth2.tls_config.min_version: unknown TLS version`,
		`9: checks[0].web.oauth2.tls_config: unknown key "kye"; did you mean "key"?`,
		`10: checks[0].web.basic_auth: unknown key "usrname"; did you mean "username"?`,
		`11: checks[0].web.token: want a text, not a mapping`}},
	{"headers inline", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      client_headers:\n        X-A: {vlaues: [x]}\n        X-B: {values: x}\n        X-A: {}\n", []string{
		`6: checks[0].web.client_headers.X-A: unknown key "vlaues"; did you mean "values"?`,
		`7: checks[0].web.client_headers.X-B.values: want a list, not a text`,
		`8: checks[0].web.client_headers.X-A: the key is already there, on line 6`}},
	{"literal URL with a password", "checks:\n  - endpoint: a\n    web: {url: http://x, proxy: 'http://user:hunter2@x:port', proxy_url: \"http://user:hun\\x7fter2@x\"}\n", []string{
		`3: checks[0].web.proxy: not a valid URL: invalid port "…" after host`,
		`3: checks[0].web.proxy_url: not a valid URL: net/url: invalid control character in URL`}},
	{"text type", "checks:\n  - endpoint: a\n    web: {url: http://x, pattern: '(', steps: [{send: a, wantt: b}, x]}\n", []string{
		"3: checks[0].web.pattern: error parsing regexp: missing closing ): `(`",
		`3: checks[0].web.steps[0]: unknown key "wantt"; did you mean "want"?`,
		`3: checks[0].web.steps[1]: want a mapping of keys to values, not a text`}},
	{"either fails as the last", "checks:\n  - endpoint: a\n    web: {url: http://x, either: {m: 1}}\n", []string{
		`3: checks[0].web.either: unknown key "m"; known are: n`}},
	{"null for a type", "checks:\n  - endpoint: a\n    web: {url: http://x, tls_config: , basic_auth: ~}\n", []string{
		`3: checks[0].web.tls_config: has no value; give it one, or remove it`,
		`3: checks[0].web.basic_auth: has no value; give it one, or remove it`}},

	// Aliases.
	{"alias of itself", "checks:\n  - endpoint: a\n    web:\n      url: http://x\n      groups: {a: &a [*a]}\n", []string{
		`5: checks[0].web.groups.a[0]: want a whole number, not a list`}},
	{"merge of itself", "checks:\n  - &a\n    endpoint: a\n    noop: {}\n    <<: *a\n", []string{`2: checks[0]: alias *a stands for something that contains itself`}},
	{"merge of a text", "checks:\n  - endpoint: a\n    noop: {}\n    <<: text\n  - endpoint: b\n    noop: {}\n    <<: [text, {bogus: 1}]\n    <<: {}\n", []string{
		`4: checks[0].<<: want a mapping, or a list of mappings, to merge`,
		`7: checks[1].<<: want a mapping, or a list of mappings, to merge`,
		`7: checks[1]: unknown key "bogus"; known are: CHECK_KEYS, noop, web`,
		`8: checks[1]: a second <<; merge several mappings with <<: [*a, *b]`}},
	{"mistake behind an alias", "checks:\n  - endpoint: a\n    labels: &l\n      team: [x]\n    noop: {}\n  - endpoint: b\n    labels: *l\n    noop: {}\n", []string{
		`4: checks[0].labels.team: want a text, not a list`,
		`4: checks[1].labels.team: want a text, not a list`}},

	// References.
	{"variable not set", "checks:\n  - endpoint: a\n    name: ${NOT_SET} ${ALSO_NOT}\n    noop: {}\n", []string{
		`3: checks[0].name: environment variable NOT_SET is not set; ${NOT_SET:-default} would give it a default`,
		`3: checks[0].name: environment variable ALSO_NOT is not set; ${ALSO_NOT:-default} would give it a default`}},
	{"file not there", "checks:\n  - endpoint: a\n    name: ${file:/nonexistent/secret}\n    noop: {}\n", []string{
		`3: checks[0].name: ${file:/nonexistent/secret}: no such file or directory`}},
	{"file is a folder", "checks:\n  - endpoint: a\n    name: ${file:/}\n    noop: {}\n", []string{`3: checks[0].name: ${file:/}: not a regular file`}},
	{"file without name", "checks:\n  - endpoint: a\n    name: ${file:}\n    noop: {}\n", []string{`3: checks[0].name: ${file:} names no file`}},
	{"reference not closed", "name: ${HOST\nchecks: []\n", []string{`1: name: "${" has no closing "}"; write "$${" for a literal "${"`}},
	{"no reference", "name: ${a b}\nversion: ${}\nchecks: []\n", []string{
		`1: name: ${a b} is no reference: want ${NAME}, ${NAME:-default} or ${file:path}; write "$${" for a literal "${"`,
		`2: version: ${} is no reference: want ${NAME}, ${NAME:-default} or ${file:path}; write "$${" for a literal "${"`}},
	{"reference in a default", "name: ${NOT_SET:-${HOST}}\nchecks: []\n", []string{`1: name: the default of ${NOT_SET} cannot hold a reference`}},
	{"variable is not UTF-8", "name: ${BINARY}\nchecks: []\n", []string{`1: name: environment variable BINARY is not valid UTF-8`}},
	{"references show no value", "defaults: {interval: \"${HOST}\"}\nchecks:\n  - endpoint: ${PASSWORD}\n    timeout: ${LONG}\n    interval: ${SECONDS}\n    optional: ${SECRETIV}\n    depends_on: [\"${SECRETIV}\"]\n    failure_threshold: ${SECRETIV}\n    web:\n      url: ${SECRETIV}\n      retries: ${SECRETIV}\n      pattern: (${SECRETIV}\n      ratio: ${SECRETIV}\n", []string{
		`1: defaults.interval: want a duration with its unit, such as 30s or 1m30s, not the value of ${HOST}`,
		`3: checks[0].endpoint: "${PASSWORD}" cannot name a check: want 1 to 128 letters, digits, dots, underscores and hyphens, not only dots`,
		`4: checks[0].timeout: ${LONG} is longer than the interval of ${SECONDS}`,
		`6: checks[0].optional: want true or false, not the value of ${SECRETIV}`,
		`7: checks[0].depends_on[0]: no check has the endpoint "${SECRETIV}"`,
		`8: checks[0].failure_threshold: want a whole number, not the value of ${SECRETIV}`,
		`10: checks[0].web.url: "${SECRETIV}" has no host`,
		`11: checks[0].web.retries: want a whole number, not the value of ${SECRETIV}`,
		"12: checks[0].web.pattern: error parsing regexp: missing closing ): `(${SECRETIV}`",
		`13: checks[0].web.ratio: want a number, not the value of ${SECRETIV}`}},
	{"password in a URL", "checks:\n  - endpoint: a\n    web:\n      url: http://user:${PASSWORD}@db/\n      proxy: http://user:${PASSWORD}@db/\n", []string{
		`4: checks[0].web.url: parse "http://user:${PASSWORD}@db/": invalid port "http://user:${PASSWORD}@db/" after host`,
		`5: checks[0].web.proxy: not a valid URL: invalid port "…" after host`}},
}

// manyWindows returns different windows.
func manyWindows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{cron: '@daily', duration: %dm},", i+1)
	}
	return b.String()
}

// known are the keys that there are, which grow.
var known = strings.NewReplacer(
	"FILE_KEYS", "name, version, include, labels, defaults, maintenance, templates, metrics, checks",
	"CHECK_KEYS", "endpoint, template, name, interval, timeout, initial_delay, failing_interval, failure_threshold, success_threshold, optional, depends_on, maintenance, labels, metrics, targets, relabel, max_targets",
)

func TestMistakes(t *testing.T) {
	require.GreaterOrEqual(t, len(broken), 60)
	for _, tc := range broken {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := config.Parse("c.yml", []byte(tc.yaml), testOptions())
			require.Error(t, err)
			assert.Nil(t, cfg)
			assert.Equal(t, known.Replace("c.yml:"+strings.Join(tc.want, "\nc.yml:")), err.Error())
		})
	}
}

func TestErrorsHaveAType(t *testing.T) {
	_, err := config.Parse("etc/c.yml", []byte("namee: x\nchecks:\n  - endpoint: a\n    noop: {level: x}\n"), testOptions())
	first, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	assert.Equal(t, "etc/c.yml", first.File)
	assert.Equal(t, 1, first.Line)
	assert.Empty(t, first.Path)

	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	require.Len(t, joined.Unwrap(), 2)
	second, ok := errors.AsType[*config.Error](joined.Unwrap()[1])
	require.True(t, ok)
	assert.Equal(t, 4, second.Line)
	assert.Equal(t, "checks[0].noop.level", second.Path)
	assert.EqualError(t, second.Err, `want a whole number, not a text`)
}

// TestManyMistakesEndTheSearch makes 40,000 mistakes of each of several sorts. Whoever looks for them all takes seconds
// for some, and minutes where each is searched for in a mapping of that size: so the last ones must be unseen.
func TestManyMistakesEndTheSearch(t *testing.T) {
	const n = 40_000
	repeat := func(head, item string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			b.WriteString(strings.ReplaceAll(item, "N", fmt.Sprint(i)))
		}
		return b.String()
	}
	const check = "checks:\n  - endpoint: a\n    noop: {}\n"
	for name, tc := range map[string]struct{ yaml, first string }{
		"values":       {repeat("checks:\n", "  - endpoint: [x]\n"), "2: checks[0].endpoint: want a text, not a list"},
		"unknown keys": {repeat("checks: []\n", "aN: 1\n"), `2: unknown key "a0"; known are: `},
		"repeated key": {repeat("checks: []\n", "name: x\n"), "3: name: the key is already there, on line 2"},
		"endpoints":    {repeat("checks:\n", "  - {endpoint: a, noop: {}}\n"), `3: checks[1].endpoint: "a" is already`},
		"dependencies": {repeat("checks:\n", "  - {endpoint: aN, depends_on: [b], noop: {}}\n"), "2: checks[0].depends_on[0]: no check"},
		"labels":       {repeat(check+"    labels:\n", "      a.N: 1\n"), `5: checks[0].labels["a.0"]: label name`},
		"list":         {repeat("checks:\n  - endpoint: a\n    web:\n      url: http://x\n      steps:\n", "        - {send: [N]}\n"), "6: checks[0].web.steps[0].send: want"},
		"circles":      {repeat("checks:\n", "  - {endpoint: aN, depends_on: [bN], noop: {}}\n  - {endpoint: bN, depends_on: [aN], noop: {}}\n"), "2: checks[0].depends_on: checks wait"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("c.yml", []byte(tc.yaml), testOptions())
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, 1001)
			assert.Contains(t, lines[0], "c.yml:"+tc.first)
			assert.Contains(t, lines[1000], ": 1000 mistakes are enough; more were not looked for")
		})
	}
}

func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("checks:\n  - endpoint: a\n    web:\n      url: http://x\n      groups:\n        a: &a [" + strings.Repeat("1,", 5000) + "]\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "        a%d: *a\n", i)
	}
	_, err := config.Parse("c.yml", []byte(b.String()), testOptions())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "aliases repeat more than 4000000 values")
	assert.NotContains(t, err.Error(), "\n", "told once")
}

// TestMergesAreBounded merges mappings that merge mappings, each a hundred times, nine levels deep.
func TestMergesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("checks:\n  - endpoint: c0\n    noop: {}\n    labels: &a0 {}\n")
	for i := range 9 {
		fmt.Fprintf(&b, "  - endpoint: c%d\n    noop: {}\n    labels: &a%[1]d {<<: [%s]}\n", i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 100))
	}
	b.WriteString("  - {<<: *a9, timeout: 40s, le: 1, endpoint: last, noop: {}}\n")
	_, err := config.Parse("c.yml", []byte(b.String()), testOptions())
	require.ErrorContains(t, err, "aliases repeat more than 4000000 values")
	assert.ErrorContains(t, err, "timeout: 40s is longer than the interval of 30s")
}
