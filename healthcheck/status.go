package healthcheck

// StatusLevel is the result of a check or of all of them. Values other than [OK] and [FAIL] may be reported by a
// [CheckStatus]; they are passed through to readers and count as healthy.
type StatusLevel string

// The two levels with a meaning of their own.
const (
	OK   StatusLevel = "OK"
	FAIL StatusLevel = "FAIL"
)

// Status is the result of one run of a [CheckStatus], and the JSON of /status/{endpoint}.
type Status struct {
	Result  StatusLevel `json:"result"`
	Details string      `json:"details,omitempty"`
}

// CheckStatus is the agent SDK's form of a check. It is called with the name that the check was registered under.
// A nil result is FAIL.
type CheckStatus func(name string) *Status

// GetStatusLevel is the signature of [GetStatus].
type GetStatusLevel func(endpoint string) StatusLevel

// RegisterHealth is the signature of [RegisterHealthcheck].
type RegisterHealth func(name, endpoint string, check CheckStatus) (string, error)
