package schedule

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// startRate is how many first runs are started per second.
const startRate = 1000

// Set replaces the jobs, at the start and at every reload. Jobs whose
// fingerprint stays keep their rhythm, back-off and running run; those that
// changed or are gone are canceled, and no result of theirs is recorded any
// more. apply, if not nil, is called between the end of the old and the start
// of the new, with the keys of the jobs that changed: the moment to configure
// the state. On an error nothing has changed.
func (s *Scheduler) Set(jobs []Job, apply func(changed []state.Key)) error {
	if err := check(jobs); err != nil {
		return err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	added, changed := s.replace(jobs)
	if apply != nil {
		apply(changed)
	}
	s.add(added)
	return nil
}

func check(jobs []Job) error {
	seen := make(map[state.Key]bool, len(jobs))
	for _, j := range jobs {
		switch {
		case j.Every <= 0 || j.Timeout <= 0:
			return fmt.Errorf("%v: interval %v and timeout %v must be more than 0", j.Key, j.Every, j.Timeout)
		case j.Probe == nil:
			return fmt.Errorf("%v: there is no probe to run", j.Key)
		case seen[j.Key]:
			return fmt.Errorf("%v: listed twice", j.Key)
		}
		seen[j.Key] = true
	}
	return nil
}

// replace drops what is gone or changed and returns what is to be added.
func (s *Scheduler) replace(jobs []Job) (added []Job, changed []state.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := make(map[state.Key]*job, len(jobs))
	for _, n := range jobs {
		old := s.jobs[n.Key]
		if old != nil && old.Fingerprint == n.Fingerprint && n.Fingerprint != "" {
			kept[n.Key] = old
			continue
		}
		if old != nil {
			changed = append(changed, n.Key)
		}
		added = append(added, n)
	}
	for k, j := range s.jobs {
		if kept[k] == nil {
			s.drop(j)
		}
	}
	s.jobs = kept
	return added, changed
}

// drop needs mu.
func (s *Scheduler) drop(j *job) {
	heap.Remove(&s.heap, j.index)
	r := j.run
	if r == nil {
		return
	}
	r.dropped = true // a queue passes over it, finish does not record it
	if r.started {
		r.cancel()
	} else {
		r.resolve(probes.Result{}, ErrDropped)
	}
}

// add gives new jobs their due times. First runs are spread a little, so that
// thousands of them do not start at once.
func (s *Scheduler) add(jobs []Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	first := 0
	for _, n := range jobs {
		j := &job{Job: n, due: firstDue(now, n.Key, n.Every)}
		if n.RunAtStart {
			wait := time.Duration(first) * time.Second / startRate
			j.extra = now.Add((wait - wait%grid) % n.Every)
			first++
		}
		s.jobs[n.Key] = j
		heap.Push(&s.heap, j)
	}
	s.look()
}
