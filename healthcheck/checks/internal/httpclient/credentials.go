package httpclient

import (
	"context"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Authorization makes the value of the header of that name for kinds whose requests are not those of a [Client].
type Authorization struct {
	fixed string
	other credentials // nil: fixed
}

// NewAuthorization returns what the settings describe, and notes the mistakes in them at the field authorization. The
// set has, or learns in runs, what nobody must see.
func NewAuthorization(a *config.Authorization, m *field.Mistakes, set *secret.Set) *Authorization {
	b := builder{Settings: Settings{Authorization: a}, Mistakes: m}
	b.checkCredentials()
	set.Add(string(a.Credentials))
	auth := new(Authorization)
	auth.other = b.newCredentials(set, func(value string) { auth.fixed = value })
	return auth
}

// Value returns the value of the header for one run. Its error is that of a file, without what is in it.
func (a *Authorization) Value(ctx context.Context) (string, error) {
	if a.other == nil {
		return a.fixed, nil
	}
	return a.other.authorization(ctx)
}
