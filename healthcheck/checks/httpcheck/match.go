package httpcheck

import (
	"bytes"
	"context"
	"io"
	"regexp"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// slowBody is the size from which on a search may take so long that it has to look at the deadline.
const slowBody = 256 << 10

// match reports whether re matches the body. Its error says that the run ended before that was known.
func match(ctx context.Context, re *regexp.Regexp, body []byte) (bool, error) {
	if len(body) < slowBody {
		return re.Match(body), nil
	}
	// Package regexp would look for the prefix itself, but not in what it reads rune by rune.
	prefix, _ := re.LiteralPrefix()
	found := bytes.Contains(body, []byte(prefix))
	if !found || re.String() == regexp.QuoteMeta(prefix) {
		return found, ended(ctx, re)
	}
	r := runes{ctx: ctx, Reader: bytes.NewReader(body)}
	found = re.MatchReader(&r)
	if r.cut {
		return false, ended(ctx, re)
	}
	return found, nil
}

// ended returns an error if ctx is done.
func ended(ctx context.Context, re *regexp.Regexp) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonOf(err), "out of time while the body was searched for `%s`", re)
}

// runes gives the runes of a body until ctx is done.
type runes struct {
	*bytes.Reader
	ctx context.Context
	n   int
	cut bool
}

// ReadRune implements io.RuneReader.
func (r *runes) ReadRune() (rune, int, error) {
	if r.n++; r.n%(64<<10) == 0 && r.ctx.Err() != nil {
		r.cut = true
		return 0, 0, io.EOF
	}
	return r.Reader.ReadRune()
}
