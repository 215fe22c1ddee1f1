package host

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// unsynchronized is the error from which on the kernel's clock counts as left to
// itself. systemd goes by it too, since not every NTP client clears STA_UNSYNC.
const unsynchronized = 16 * time.Second

// machineClock asks the kernel (adjtimex(2)), which needs no privilege.
func machineClock() (Clock, error) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return Clock{}, fmt.Errorf("adjtimex: %w", err)
	}
	e := time.Duration(t.Maxerror) * time.Microsecond
	return Clock{Synchronized: e < unsynchronized, MaxError: e}, nil
}
