package schedule

// queues hold the runs that are due and wait for a slot, in the order they
// became due: one for jobs that answered last time, one for suspects.
type queues struct {
	sound, suspect fifo
}

func (q *queues) push(r *run) {
	if r.suspect {
		q.suspect.push(r)
	} else {
		q.sound.push(r)
	}
}

// pop returns the run that has waited longest of those that may start.
func (q *queues) pop(suspects bool) *run {
	a, b := q.sound.peek(), q.suspect.peek()
	if b == nil || !suspects || (a != nil && !b.due.Before(a.due)) {
		return q.sound.pop()
	}
	return q.suspect.pop()
}

func (q *queues) len() int { return q.sound.len() + q.suspect.len() }

// drain empties the queues.
func (q *queues) drain() []*run {
	var all []*run
	for r := q.pop(true); r != nil; r = q.pop(true) {
		all = append(all, r)
	}
	return all
}

// fifo is a queue in a slice whose front is cut off as it is used up.
type fifo struct {
	runs []*run
}

func (f *fifo) push(r *run) { f.runs = append(f.runs, r) }

// peek returns the first run that was not dropped while it waited.
func (f *fifo) peek() *run {
	for len(f.runs) > 0 && f.runs[0].dropped {
		f.pop()
	}
	if len(f.runs) == 0 {
		return nil
	}
	return f.runs[0]
}

func (f *fifo) pop() *run {
	if len(f.runs) == 0 {
		return nil
	}
	r := f.runs[0]
	f.runs[0] = nil
	f.runs = f.runs[1:]
	if len(f.runs) == 0 {
		f.runs = nil
	}
	return r
}

func (f *fifo) len() int { return len(f.runs) }
