//go:build !linux && !darwin && !freebsd

package filesystemcheck

import "errors"

const supported = false

func statfs(string) (usage, error) { return usage{}, errors.ErrUnsupported }

func isMountPoint(string) (bool, error) { return false, errors.ErrUnsupported }
