package watchdog

import (
	"context"
	"fmt"
	"time"
)

const (
	// SchedulerLimit is how long the loop that starts runs may not come round,
	// which it does every 5 seconds at least.
	SchedulerLimit = 30 * time.Second
	// OverdueAfter is how long after its timeout a run may return before it
	// counts as one that never will.
	OverdueAfter = 30 * time.Second
)

// Scheduler is the loop that starts runs; beat tells when it last came round.
func Scheduler(beat func() time.Time) Part {
	return Part{Name: "scheduler", Restart: true, Beat: beat, Limit: SchedulerLimit}
}

// Workers are the goroutines that run probes; overdue counts those that have
// not returned more than a time after their timeout. One of them is enough: its
// probe is not run any more.
func Workers(overdue func(by time.Duration) int) Part {
	return Part{
		Name: "workers", Restart: true, Every: 5 * time.Second,
		// Twice, since runs whose time ended while the process was stopped have
		// to return first.
		Failures: 2,
		Check: func(context.Context) error {
			if n := overdue(OverdueAfter); n > 0 {
				return fmt.Errorf("%d probe run(s) have not returned %v after their timeout; the log names them", n, OverdueAfter)
			}
			return nil
		},
	}
}

// Writing is something that has to be able to write, such as "storage" or
// "audit". A restart mends no disk, so none is asked for.
func Writing(name string, check func(context.Context) error) Part {
	return Part{Name: name, Check: check, Every: 30 * time.Second, Timeout: 10 * time.Second}
}
