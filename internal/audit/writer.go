package audit

import (
	"crypto/sha256"
	"log/slog"
	"time"
)

// retryPause is how long lines that nobody waits for are dropped without a try
// after one failed.
const retryPause = time.Second

// writer is the one that numbers, chains and writes. It belongs to one
// goroutine.
type writer struct {
	counters
	primary primary
	relays  []*relay
	redact  func(string) string
	log     *slog.Logger
	detail  string // of the start record

	last   mark   // the line that the next one follows
	issued uint64 // the highest number given to a line, written or lost

	started bool
	torn    *torn // found and not told yet
	retryAt time.Time

	chunk []byte
	items []item
}

// write writes a batch, in as many pieces as rotation asks for.
func (w *writer) write(b *batch) {
	if b.admins == 0 && time.Now().Before(w.retryAt) {
		w.lose(len(b.entries))
	} else {
		text := string(b.text)
		clean := w.redact(text) == text
		for rest := b.entries; len(rest) > 0; {
			n, size, err := w.piece(rest, text, clean)
			if err != nil {
				w.lose(len(rest))
				answer(rest, err)
				break
			}
			rest, text = rest[n:], text[size:]
		}
	}
	w.issued += b.lost
}

func answer(entries []entry, err error) {
	for _, e := range entries {
		if e.done != nil {
			e.done <- err
		}
	}
}

func (w *writer) lose(n int) {
	w.issued += uint64(n)    //nolint:gosec // not negative
	w.dropped.Add(uint64(n)) //nolint:gosec // not negative
}

// piece writes as many entries as the file has room for, and before them what
// the log has to say itself. It returns how many entries and bytes of text
// these were. After an error, none of them is written.
func (w *writer) piece(entries []entry, text string, clean bool) (n, size int, err error) {
	last, rest, err := w.primary.ready(w.last)
	if err != nil {
		w.failed(err)
		return 0, 0, err
	}
	w.last, w.issued = last, max(w.issued, last.seq)
	if rest != nil {
		w.torn = rest
	}
	w.chunk, w.items = w.chunk[:0], w.items[:0]
	issued := w.issued
	sync := w.open()
	for n < len(entries) && len(w.chunk)+maxLine <= w.primary.room() {
		e := &entries[n]
		l := line{at: e.at, event: e.event, outcome: e.outcome, from: e.from}
		for i, length := range e.lens {
			l.fields[i] = text[size : size+int(length)]
			if !clean {
				l.fields[i] = cut(w.redact(l.fields[i]), limits[i])
			}
			size += int(length)
		}
		w.add(&l)
		sync = sync || e.done != nil
		n++
	}
	if err := w.primary.append(w.chunk, sync); err != nil {
		w.last, w.issued = last, issued // the caller counts what is lost
		w.failed(err)
		return 0, 0, err
	}
	w.succeeded()
	answer(entries[:n], nil)
	return n, size, nil
}

// open adds what stands before everything else: that a torn end was found, and
// that the log was opened.
func (w *writer) open() bool {
	opening := w.torn != nil || !w.started
	if w.torn != nil {
		w.own(EventRecovered, "the file ended with bytes that are no record: a crash, a full disk, or another writer", w.torn)
	}
	if !w.started {
		w.own(EventStart, w.detail, nil)
	}
	return opening
}

// own adds a record of the log itself.
func (w *writer) own(event Event, detail string, t *torn) {
	w.add(&line{at: time.Now(), event: event, torn: t, fields: fields{0: "idp_exporter", 1: "exporter", 5: cut(w.redact(detail), maxDetail)}})
}

// add numbers and chains a line and puts it into the piece. Lines that were lost
// have numbers too, so a gap that is not told is a line that was removed.
func (w *writer) add(l *line) {
	w.issued++
	l.seq, l.prev, l.dropped = w.issued, w.last.sum, w.issued-w.last.seq-1
	from := len(w.chunk)
	w.chunk = appendLine(w.chunk, l)
	text := w.chunk[from:]
	w.last = mark{l.seq, sha256.Sum256(text[:len(text)-1])}
	w.items = append(w.items, item{at: l.at, event: l.event, outcome: l.outcome})
}

func (w *writer) succeeded() {
	w.written.Add(uint64(len(w.items)))
	w.started, w.torn, w.retryAt = true, nil, time.Time{}
	if w.failing.Swap(false) {
		w.log.Info("the audit log is written again", "sink", w.name, "dropped", w.dropped.Load())
	}
	if len(w.relays) == 0 {
		return
	}
	lines := append([]byte(nil), w.chunk...) // shared by the relays, kept by them
	for i, from := 0, 0; i < len(w.items); i++ {
		to := from
		for lines[to] != '\n' {
			to++
		}
		w.items[i].line = lines[from : to+1]
		from = to + 1
	}
	for _, r := range w.relays {
		r.push(w.items)
	}
}

func (w *writer) failed(err error) {
	w.fails.Add(1)
	w.retryAt = time.Now().Add(retryPause)
	if !w.failing.Swap(true) {
		w.log.Error("the audit log cannot be written; access lines are dropped and counted", "sink", w.name, "error", err)
	}
}

// stop writes the last record and closes what was written to.
func (w *writer) stop() error {
	b := batch{entries: []entry{{at: time.Now(), event: EventStop}}}
	b.text = append(b.text, "idp_exporterexporter"...)
	b.entries[0].lens = [len(fields{})]uint16{0: 12, 1: 8}
	done := make(chan error, 1)
	b.entries[0].done = done
	b.admins = 1
	w.write(&b)
	if err := w.primary.close(); err != nil {
		return err
	}
	return <-done
}
