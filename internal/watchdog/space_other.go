//go:build !linux && !darwin && !freebsd

package watchdog

import "errors"

// measure says that this is not supported here.
func measure(string) (Space, error) { return Space{}, errors.ErrUnsupported }
