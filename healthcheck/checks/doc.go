// Package checks is the folder of the kinds of checks; it has no code. This page tells how a kind is made.
//
// # A kind
//
// A kind is a package <kind>check beside this file, of about 150 lines where its protocol allows:
//
//	// Kind is the key of this kind of check in a configuration.
//	const Kind = "echo"
//
//	type Config struct {          // fields with yaml tags, each documented: meaning, unit, default
//		Address    string        `yaml:"address"`
//		MaxLatency time.Duration `yaml:"max_latency"`
//	}
//
//	func (c Config) Target() string            // for healthcheck_info and pages: no secret
//	func (c *Config) SetDirectory(dir string)  // where there are names of files: they start from dir
//	func New(c Config) (healthcheck.Checker, error)
//
// New finds all mistakes, as [healthcheck.FieldError]s, and waits for nobody. The checker may be run concurrently; what
// it keeps between runs it drops in Close, if it has one, and still runs afterwards. Check ends soon after its context
// does, and returns a [healthcheck.Result]: a [healthcheck.Reason] of the set, details that say what was done with
// whom, in the same words each time, and values, measured as far as the run got.
//
//	var duration = healthcheck.NewMeasure("echo_duration_seconds", "Duration of the echo of the last run.")
//
// A measure begins with the name of the kind and ends in its unit. Its labels, three at most, have few values, none of
// which a peer can make up without bound.
//
// # What is there already
//
//   - internal/field checks the fields: what is missing, out of bounds, one of several, a pattern.
//   - internal/target reads hosts, addresses and URLs, internationalized or not, and makes the labels for Target.
//   - internal/peer dials, with TLS if it is wanted, ends what is done with a connection with the run, and puts errors
//     into words; peer.InTime judges max_latency.
//   - internal/certs follows the files of a tls_config and has the measures of certificates. The dialer of peer uses it.
//   - internal/httpclient is for what speaks HTTP: one request a run, with all that may come of it.
//   - internal/amount reads sizes, counts and shares.
//   - internal/regular reads files, and no pipe that would block; internal/parallel does several parts of a run at once.
//   - secret hides what is sent from all that is shown. Each kind that sends, or reads, something secret has a set of
//     it, begins Check with "defer set.HidePanic()" and ends it with set.Fail; what a peer said goes through
//     set.Excerpt, and labels that it has a hand in through set.Hide.
//   - internal/checktest runs checks in tests, and has peers that do what no decent server does.
//
// # Joining
//
// A kind joins by two entries, both below exporter/config: in the table kinds (internal/kind/kinds.go), and in conformers
// (conformance_kinds_test.go), with a file conformance_<kind>_test.go which says what it can be pointed at. The conformance test then holds it to what
// all kinds do, and says what is missing: an ExampleNew with its output; names of measures; secrets, planted in each
// text, literally and by references, that an echo peer sends back and a panic repeats; peers that never answer; names
// and addresses; relative paths; thousands of runs that leave nothing; and, for each peer in its servers, all that can be
// between a check and its peer: refused, silent, cut, endless, garbage, slow, restarted, without a name, without a valid
// certificate. Its own tests are for its protocol, against a
// real server where one can be had. README.md and CHANGELOG.md name it.
package checks
