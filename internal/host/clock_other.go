//go:build !linux

package host

import "fmt"

func machineClock() (Clock, error) {
	return Clock{}, fmt.Errorf("whether the clock is synchronized: %w", ErrUnsupported)
}
