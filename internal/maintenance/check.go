package maintenance

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/idp-exporter/idp_exporter/probes"
)

// The limits of texts, in bytes.
const (
	maxName    = 253 // as long as a host name
	maxComment = 1000
	maxScope   = 1000 // nodes, or probes, that a window lists
)

// Known tells which names a configuration may use; a nil function allows any,
// as where nodes are discovered while the exporter runs.
type Known struct {
	Node, Probe func(name string) bool
}

// Check returns what is wrong with the windows of a configuration. Paths begin
// at the list: "[0].time_intervals[1].weekdays[0]". now is the present time: a
// window that does not open, or does not close, within the next 400 days is
// questionable.
func Check(windows []Recurring, known Known, now time.Time) []probes.Problem {
	var c compiler
	compiled := c.windows(windows)
	for i, w := range windows[:len(compiled)] {
		path := "[" + strconv.Itoa(i) + "]"
		c.known(path+".nodes", "node", w.Nodes, func(n string) bool { return n == PublicNode || known.Node == nil || known.Node(n) })
		c.known(path+".probes", "probe", w.Probes, func(n string) bool { return known.Probe == nil || known.Probe(n) })
	}
	if c.failed() {
		return c.problems
	}
	for i, r := range compiled {
		path := "[" + strconv.Itoa(i) + "].time_intervals"
		switch {
		case !r.next(now, horizon).IsZero():
		case !r.holds(now):
			c.add(path, true, "the window does not open within the next 400 days")
		default:
			if j := slices.IndexFunc(r.parts, func(p part) bool { return p.always(now) }); j >= 0 {
				path += "[" + strconv.Itoa(j) + "]"
			}
			c.add(path, true, "the window is always open: it does not close within the next 400 days; give times or weekdays, or remove the probe instead")
		}
	}
	return c.problems
}

// always tells whether the interval alone keeps its window open.
func (p part) always(now time.Time) bool {
	alone := recurring{parts: []part{p}}
	return alone.holds(now) && alone.next(now, horizon).IsZero()
}

func (c *compiler) known(path, what string, names []string, known func(string) bool) {
	if names != nil && len(names) == 0 {
		c.add(path, true, "the list is empty, which means every %s; leave the key out to say so", what)
	}
	for i, n := range names {
		if n == "" || !known(n) {
			c.add(path+"["+strconv.Itoa(i)+"]", false, "there is no %s %q", what, shorten(n))
		}
	}
}

// filled returns the window with what was left open chosen.
func (w Window) filled(now time.Time) Window {
	if w.Start.IsZero() {
		w.Start = now
	}
	w.ID = cmp.Or(w.ID, rand.Text())
	w.Name = cmp.Or(w.Name, w.ID)
	w.Start, w.End = utc(w.Start), utc(w.End)
	w.Nodes, w.Probes = slices.Clone(w.Nodes), slices.Clone(w.Probes)
	return w
}

// problem says what is wrong with a one-off window, "" if nothing is.
func (w Window) problem(now time.Time) string {
	switch {
	case w.End.IsZero():
		return "the window has no end; give one, or a duration"
	case !w.End.After(w.Start):
		return "the window ends before it starts"
	case !w.End.After(now):
		return "the window has ended already"
	case w.End.Sub(w.Start) > MaxWindowLength:
		return fmt.Sprintf("the window is longer than %d days; write a longer one into the configuration", MaxWindowLength/(24*time.Hour))
	case w.Start.Sub(now) > MaxWindowAhead:
		return fmt.Sprintf("the window starts more than %d days ahead; is the year right?", MaxWindowAhead/(24*time.Hour))
	case len(w.Nodes) > maxScope || len(w.Probes) > maxScope:
		return fmt.Sprintf("the window lists more than %d nodes or probes; leave the list out to mean all", maxScope)
	}
	for _, n := range slices.Concat(w.Nodes, w.Probes) {
		if n == "" {
			return "a name in the list of nodes or probes is empty; the public name is spelled " + PublicNode
		}
		if problem := text(n, maxName); problem != "" {
			return problem
		}
	}
	return cmp.Or(text(w.ID, maxName), text(w.Name, maxName), text(w.By, maxName), text(w.Comment, maxComment))
}

// text says what is wrong with a text that logs, pages and labels will show.
func text(s string, limit int) string {
	switch {
	case len(s) > limit:
		return fmt.Sprintf("%q is longer than %d bytes", shorten(s), limit)
	case !utf8.ValidString(s):
		return fmt.Sprintf("%q is not valid UTF-8", shorten(s))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return fmt.Sprintf("%q has control characters; write it on one line of plain text", shorten(s))
	}
	return ""
}

func shorten(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// utc returns a time without its monotonic reading, as it will be read back.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}

func sortWindows(windows []Window) {
	slices.SortFunc(windows, func(a, b Window) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
}
