//go:build !linux

package processcheck

import "errors"

type reader struct{}

func (*reader) read(string) ([]byte, error) { return nil, errors.ErrUnsupported }

func isGone(error) bool { return false }
