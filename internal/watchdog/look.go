package watchdog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxText bounds the text of a problem, in bytes.
const maxText = 300

// part is a Part and how it stands. Watchdog.mu guards it.
type part struct {
	Part
	// since is when it became unhealthy, zero while it is healthy; text says why.
	since time.Time
	text  string

	running bool      // its check is under way
	late    bool      // it was given up
	began   time.Time // of the check under way
	due     time.Time // of the next
	failed  int       // checks in a row
	told    bool      // that it cannot be watched here
}

// look judges heartbeats, gives up checks that take too long and starts those
// that are due.
func (w *Watchdog) look(ctx context.Context, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// After a pause everybody gets the whole of their time again: nobody could
	// have shown life meanwhile.
	if w.last.IsZero() || now.Sub(w.last) > pause {
		w.awake = now
	}
	w.last = now
	for _, p := range w.parts {
		switch {
		case p.Beat != nil:
			w.listen(p, now)
		case p.running:
			if !p.late && now.Sub(later(p.began, w.awake)) > p.Timeout+grace {
				p.late = true
				w.sick(p, fmt.Sprintf("the check has not returned after %v", p.Timeout), now)
			}
		case !p.due.After(now):
			p.running, p.late, p.began = true, false, now
			w.running++
			go w.check(ctx, p)
		}
	}
}

// listen judges a heartbeat. It needs mu.
func (w *Watchdog) listen(p *part, now time.Time) {
	beat := p.Beat()
	if age := now.Sub(later(beat, w.awake)); age > p.Limit {
		text := fmt.Sprintf("no sign of life for %v", age.Round(time.Second))
		if beat.IsZero() {
			text = fmt.Sprintf("no sign of life since the start %v ago", age.Round(time.Second))
		}
		w.sick(p, text, now)
	} else if now.Sub(beat) <= p.Limit {
		w.well(p, now)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// check is the goroutine of a check; Run waits for it.
func (w *Watchdog) check(ctx context.Context, p *part) {
	limited, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	err := guarded(limited, p.Check)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	p.running, p.due = false, now.Add(p.Every)
	w.running--
	if ctx.Err() != nil { // the end, which says nothing of the part
		if w.running == 0 && w.last.IsZero() {
			close(w.idle)
		}
		return
	}
	switch {
	case p.late:
		p.due = now // what came too late is asked again
	case errors.Is(err, errUnwatched):
		if !p.told {
			p.told = true
			w.log.Info("part cannot be watched here", "part", p.Name, "why", err)
		}
		w.well(p, now)
	case err != nil:
		if p.failed++; p.failed >= p.Failures {
			w.sick(p, err.Error(), now)
		}
	default:
		w.well(p, now)
	}
}

// guarded turns a crash into an error. What a check panics with is not told:
// it may hold a secret.
func guarded(ctx context.Context, f func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = fmt.Errorf("the check crashed (%T)", recover())
		}
	}()
	err = f(ctx)
	returned = true
	return err
}

// sick needs mu.
func (w *Watchdog) sick(p *part, text string, now time.Time) {
	p.text = line(text, maxText)
	if p.since.IsZero() {
		p.since = now
		w.log.Error("part is unhealthy", "part", p.Name, "problem", p.text, "restart_would_help", p.Restart)
	}
}

// well needs mu.
func (w *Watchdog) well(p *part, now time.Time) {
	p.failed = 0
	if !p.since.IsZero() {
		w.log.Info("part is healthy again", "part", p.Name, "after", now.Sub(p.since).Round(time.Second))
		p.since, p.text = time.Time{}, ""
	}
}

// line makes a text one line of at most limit bytes, without control characters.
func line(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit-len("…")], "") + "…"
	}
	return s
}
