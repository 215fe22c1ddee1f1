package audit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// linger is how long lines that nobody waits for are gathered.
	linger = 10 * time.Millisecond
	// farewell is how long Close waits for sinks that nobody waits for.
	farewell = 2 * time.Second
)

// Options are what Open needs.
type Options struct {
	// Config says where the lines go; it has been checked.
	Config Config
	// Redact removes secrets from a text; nil leaves texts as they are.
	Redact func(string) string
	// Logger is told when a sink fails and when it recovers; nil discards that.
	Logger *slog.Logger
	// Stdout is where Config.Stdout writes; nil means os.Stdout.
	Stdout io.Writer
	// Detail stands in the start record, such as the version.
	Detail string
	// Buffer is how many access lines may wait; 0 means 16384.
	Buffer int

	fs      filesystem
	maxSize int64
}

// Log is an open audit trail. It may be used by many goroutines.
type Log struct {
	queue  *queue
	writer *writer
	redact func(string) string

	done   chan struct{}
	once   sync.Once
	closed error
}

// Open opens the sinks, continues the numbering of the file and writes the
// start record; end the log with Close. A file that cannot be opened is an
// error. A disk that is full is none: lines are dropped and counted, and Admin
// fails, until there is room.
func Open(o Options) (*Log, error) {
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	w := &writer{redact: o.Redact, log: o.Logger, detail: o.Detail}
	if err := w.sinks(o); err != nil {
		return nil, err
	}
	if _, _, err := w.piece(nil, "", true); err != nil && !full(err) {
		_ = w.primary.close()
		return nil, err
	}
	for _, r := range w.relays {
		r.start()
	}
	l := &Log{queue: newQueue(o.Buffer), writer: w, redact: o.Redact, done: make(chan struct{})}
	go l.run()
	return l, nil
}

// sinks builds the primary, which is the file or else standard output, and the
// relays to the others.
func (w *writer) sinks(o Options) error {
	c := o.Config
	switch {
	case c.File != nil:
		w.name = "file"
		w.primary = newFile(o, w.log)
	case c.Stdout:
		w.name = "stdout"
		w.primary = &stream{w: o.Stdout}
	default:
		w.primary = &stream{w: io.Discard}
	}
	if c.Stdout && c.File != nil {
		w.relays = append(w.relays, newWriterRelay("stdout", o.Stdout))
	}
	if c.Syslog != nil {
		r, err := newSyslogRelay(*c.Syslog)
		if err != nil {
			return err
		}
		w.relays = append(w.relays, r)
	}
	return nil
}

func newFile(o Options, log *slog.Logger) *file {
	f := &file{fs: o.fs, path: o.Config.File.Path, max: o.maxSize, keep: o.Config.File.Keep}
	f.warn = func(err error) { log.Warn("audit log", "error", err) }
	if f.fs == nil {
		f.fs = disk{}
	}
	if f.max == 0 {
		f.max = int64(o.Config.File.MaxSizeMB) << 20
	}
	if f.max == 0 {
		f.max = defaultSizeMB << 20
	}
	if f.keep == 0 {
		f.keep = defaultKeep
	}
	return f
}

// Admin records an admin action and returns once the record is on disk. An
// error means that it may not be: the caller refuses the action. Without a
// file it returns once standard output has taken the line; with syslog alone,
// which acknowledges nothing, once the line is on its way.
func (l *Log) Admin(ctx context.Context, r Record) error {
	if !r.Event.given() {
		return fmt.Errorf("audit: callers cannot record %s", r.Event)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("audit: not recorded: %w", err)
	}
	done := make(chan error, 1)
	if err := l.put(&r, admin, done); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("audit: not known to be recorded: %w", ctx.Err())
	}
}

// Access records without waiting. Under pressure, or while nothing can be
// written, the record is dropped, counted, and told by the next line written;
// accesses and refusals are dropped before anything else.
func (l *Log) Access(r Record) {
	c := weighty
	switch {
	case !r.Event.given():
		return
	case r.Event == EventAccess || r.Event == EventRefusal:
		c = light
	}
	_ = l.put(&r, c, nil) // counted
}

func (l *Log) put(r *Record, c class, done chan<- error) error {
	f := bounded(r, l.redact)
	return l.queue.put(entry{at: time.Now(), event: r.Event, outcome: r.Outcome, from: r.From, done: done}, &f, c)
}

func (l *Log) run() {
	defer close(l.done)
	var spare batch
	for {
		select {
		case <-l.queue.urgent:
		case <-l.queue.wake:
			select {
			case <-l.queue.urgent:
			case <-time.After(linger):
			}
		}
		b, open := l.queue.take(spare)
		l.writer.write(&b)
		if !open {
			l.closed = l.writer.stop()
			return
		}
		b.reset()
		spare = b
	}
}

// Close writes what waits and the stop record, and ends the log. It gives
// standard output and syslog two seconds to take what is left for them. The
// error says that the end is not on disk.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.queue.close()
		<-l.done
		var group sync.WaitGroup
		for _, r := range l.writer.relays {
			group.Go(func() { r.finish(farewell) })
		}
		group.Wait()
	})
	return l.closed
}
