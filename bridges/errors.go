package bridges

import (
	"errors"
	"time"
)

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that trying again cannot mend: the console has
// refused this event for good.
func Permanent(err error) error { return permanent{err} }

// IsPermanent tells whether an error was marked by Permanent.
func IsPermanent(err error) bool { return errors.As(err, new(permanent)) }

type later struct {
	error
	after time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later marks an error of a console that names how long to wait.
func Later(err error, after time.Duration) error { return later{err, after} }

// RetryAfter returns how long a console asked to wait, 0 if it did not.
func RetryAfter(err error) time.Duration {
	var l later
	if errors.As(err, &l) {
		return l.after
	}
	return 0
}
