package collector

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// flushAt is how much of a scrape is gathered before it is sent.
const flushAt = 64 << 10

// text writes families in the text formats: that of Prometheus, or OpenMetrics
// 1.0. It gives the same bytes as expfmt does.
// https://prometheus.io/docs/instrumenting/exposition_formats/
type text struct {
	now         *moment
	out         io.Writer
	openMetrics bool
	others      expfmt.Encoder
	buf         []byte

	family *family
	begun  bool // whether the family's header is written
	bounds []string

	sent error // what became of sending
	faults
}

func newText(now *moment, out io.Writer, format expfmt.Format, buf []byte) *text {
	t := &text{now: now, out: out, openMetrics: format.FormatType() == expfmt.TypeOpenMetrics, buf: buf[:0]}
	t.others = expfmt.NewEncoder(appender{t}, format)
	for _, b := range runBuckets {
		t.bounds = append(t.bounds, string(t.appendFloat(nil, b)))
	}
	return t
}

// appender takes what expfmt writes.
type appender struct{ *text }

func (a appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}

// own writes a family of ours. Its error is one of sending.
func (t *text) own(f *family) error {
	t.family, t.begun = f, false
	t.note(f.showTo(t, t.now))
	return t.sent
}

// other writes a family that a registry has gathered.
func (t *text) other(f *dto.MetricFamily) error {
	length := len(t.buf)
	if err := t.others.Encode(f); err != nil {
		t.buf = t.buf[:length]
		t.note(fmt.Errorf("%s: %w", f.GetName(), err))
	}
	t.flush(flushAt)
	return t.sent
}

// finish writes what is left.
func (t *text) finish() error {
	if c, ok := t.others.(expfmt.Closer); ok {
		if err := c.Close(); err != nil {
			return err
		}
	}
	t.flush(1)
	return t.sent
}

// flush sends what there is, if it is at least so much.
func (t *text) flush(least int) {
	if len(t.buf) < least {
		return
	}
	if t.sent == nil {
		_, t.sent = t.out.Write(t.buf)
	}
	t.buf = t.buf[:0]
}

func (t *text) put(p point) {
	if !t.begin(&p) {
		return
	}
	b := append(t.appendLabels(append(t.buf, t.family.name...), &p), "} "...)
	t.buf = append(t.appendFloat(b, p.value), '\n')
	t.flush(flushAt)
}

func (t *text) putHistogram(entry int, result string, runs *tally) {
	p := point{entry: entry, after: result}
	if !t.begin(&p) {
		return
	}
	counts, sum := runs.read()
	line := func(suffix string) {
		t.buf = t.appendLabels(append(append(t.buf, t.family.name...), suffix...), &p)
	}
	count := func(n uint64) {
		if t.openMetrics {
			t.buf = strconv.AppendUint(t.buf, n, 10)
		} else {
			t.buf = t.appendFloat(t.buf, float64(n))
		}
		t.buf = append(t.buf, '\n')
	}
	bucket := func(bound string, n uint64) {
		line("_bucket")
		t.buf = append(append(append(t.buf, `,le="`...), bound...), `"} `...)
		count(n)
	}
	var total uint64
	for i, n := range counts {
		total += n
		if runs.classic && i < len(t.bounds) {
			bucket(t.bounds[i], total)
		}
	}
	bucket("+Inf", total)
	line("_sum")
	t.buf = append(t.appendFloat(append(t.buf, "} "...), sum), '\n')
	line("_count")
	t.buf = append(t.buf, "} "...)
	count(total)
	t.flush(flushAt)
}

// begin tells whether a point can be shown. Ahead of the first it writes what
// the family is.
func (t *text) begin(p *point) bool {
	if !t.admit(t.now, t.family, p) {
		return false
	}
	if t.begun {
		return true
	}
	t.begun = true
	name, help := t.family.name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(t.family.help)
	if t.openMetrics {
		help = strings.ReplaceAll(help, `"`, `\"`)
		if t.family.kind == isCounter {
			name = strings.TrimSuffix(name, "_total")
		}
	}
	t.buf = fmt.Appendf(t.buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, [...]string{"gauge", "counter", "histogram"}[t.family.kind])
	return true
}

// appendLabels appends the labels of a point, with no brace at the end. Every
// family has at least one.
func (t *text) appendLabels(b []byte, p *point) []byte {
	f, next := t.family, byte('{')
	label := func(name, value string) {
		b = append(append(append(b, next), name...), '=', '"')
		b, next = append(appendEscaped(b, value), '"'), ','
	}
	if f.before != "" {
		label(f.before, p.before)
	}
	if p.entry != none {
		b, next = append(append(b, next), t.now.layout.tags[p.entry].of(f.labels)...), ','
	}
	if len(f.after) > 0 {
		label(f.after[0], p.after)
	}
	if len(f.after) > 1 {
		label(f.after[1], p.last)
	}
	return b
}

// appendFloat appends a number as the format writes it: OpenMetrics asks for a
// point or an exponent.
func (t *text) appendFloat(b []byte, v float64) []byte {
	start := len(b)
	switch {
	case -1e6 < v && v < 1e6 && v == math.Trunc(v): // most; and no -0
		b = strconv.AppendInt(b, int64(v), 10)
	default:
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	if !t.openMetrics || math.IsNaN(v) || math.IsInf(v, 0) {
		return b
	}
	for _, c := range b[start:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, '.', '0')
}
