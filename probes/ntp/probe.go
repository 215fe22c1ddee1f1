package ntpprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/beevik/ntp"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

type probe struct {
	*Options
	dialers []*dial.Dialer
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	if err := o.check(probes.Setting{Provider: t.Provider, Every: t.Every}).Err(t.Probe); err != nil {
		return nil, err
	}
	p := &probe{Options: o}
	for _, address := range o.Servers {
		host, port, err := dial.Split(address, "123")
		if err != nil {
			return nil, fmt.Errorf("probe %s: servers: %w", t.Probe, err)
		}
		p.dialers = append(p.dialers, &dial.Dialer{Endpoint: dial.At(host, port, probes.Target{}), Version: o.IPVersion})
	}
	return p, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	r := probes.NewRun(nil)
	answers := make([]*ntp.Response, len(p.Servers))
	parts := dial.Each(ctx, p.Servers, nil, func(ctx context.Context, i int, r *probes.Run) error {
		var err error
		if answers[i], err = p.ask(ctx, r, p.dialers[i]); err != nil {
			return err
		}
		return r.Step(stepJudge, func() error { return p.judge(answers[i]) })
	})
	p.outvote(parts, answers)
	offset, trip := p.note(r, parts, answers)
	decided, end := dial.Quorum(parts, p.Quorum)
	dial.Lay(r, steps(), parts, end, decided)
	if dial.NoWorseThanWarn(end) {
		if worse := r.Step(stepJudge, func() error { return p.together(r, parts, answers, offset, trip, end) }); worse != nil {
			result := r.Finish(worse)
			result.FailedStep = stepJudge // whichever server made it a warning before
			return result
		}
	}
	return r.Finish(end)
}

// ask asks one server.
func (p *probe) ask(ctx context.Context, r *probes.Run, d *dial.Dialer) (*ntp.Response, error) {
	var answer *ntp.Response
	err := d.AskUDP(ctx, r, stepQuery, func(conn net.Conn, wait time.Duration) error {
		var err error
		answer, err = exchange(conn, wait)
		return err
	})
	return answer, err
}

// exchange sends one request and closes the socket. The library's own errors
// tell of answers that are none.
func exchange(conn net.Conn, wait time.Duration) (*ntp.Response, error) {
	answer, err := ntp.QueryWithOptions("server:123", ntp.QueryOptions{
		Timeout:    wait,
		Dialer:     func(string, string) (net.Conn, error) { return conn, nil },
		Extensions: []ntp.Extension{sane{}},
	})
	var op *net.OpError
	if err != nil && !errors.As(err, &op) {
		return nil, probes.Failf(probes.ReasonBadResponse, "the server's answer is not NTP: %w", err)
	}
	return answer, err
}

// sane refuses answers that the library does not survive: it negates poll
// interval and precision (RFC 5905, 7.3), bytes 2 and 3, as signed bytes, and
// shifts by them; the least of those has no negative.
type sane struct{}

var errExponent = errors.New("a poll interval or precision of 2^-128 seconds")

func (sane) ProcessQuery(*bytes.Buffer) error { return nil }

func (sane) ProcessResponse(answer []byte) error {
	const least = 0x80
	if len(answer) >= 4 && (answer[2] == least || answer[3] == least) {
		return errExponent
	}
	return nil
}

// judge judges one server by what it says of itself, and our clock by its own.
func (p *probe) judge(a *ntp.Response) error {
	switch err := a.Validate(); {
	case a.IsKissOfDeath() && a.KissCode == "RATE":
		return probes.Unknownf(probes.ReasonRateLimited, "the server asks us to ask less often (kiss code RATE); raise every")
	case a.IsKissOfDeath() && (a.KissCode == "DENY" || a.KissCode == "RSTR"):
		return probes.Failf(probes.ReasonUnexpectedReply, "the server refuses us (kiss code %q)", a.KissCode)
	case err != nil && (errors.Is(err, ntp.ErrInvalidTime) || errors.Is(err, ntp.ErrInvalidTransmitTime)):
		return probes.Failf(probes.ReasonBadResponse, "the server's times contradict each other: %w", err)
	case a.IsKissOfDeath(): // stratum 0 without a refusal: unspecified, such as INIT or nothing
		return probes.Failf(probes.ReasonUnsynchronized, "the server has no time to give: it has no stratum (code %q)", a.KissCode)
	case err != nil:
		return probes.Failf(probes.ReasonUnsynchronized, "the server has no time to give: %w (stratum %d)", err, a.Stratum)
	case int(a.Stratum) > p.MaxStratum:
		return probes.Failf(probes.ReasonUnsynchronized, "the server is at stratum %d, more than %d", a.Stratum, p.MaxStratum)
	}
	return nil
}

// note records what was found of each server, and our clock's offset: the
// median of those with a time to give.
func (p *probe) note(r *probes.Run, parts []dial.Part, answers []*ntp.Response) (offset, trip time.Duration) {
	var offsets []time.Duration
	for i, part := range parts {
		a := answers[i]
		if part.Err == nil {
			offsets = append(offsets, a.ClockOffset)
			trip = max(trip, a.RTT)
		}
		if len(parts) == 1 {
			continue
		}
		if part.Err != nil {
			r.Assert(part.Name, false, part.Err.Error())
			continue
		}
		r.Assert(part.Name, true, fmt.Sprintf("offset %s, stratum %d", rounded(a.ClockOffset), a.Stratum))
	}
	if len(offsets) > 0 {
		slices.Sort(offsets)
		offset = offsets[len(offsets)/2]
		r.Facts().ClockOffset = &offset
	}
	return offset, trip
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// together judges the servers as a whole, once enough of them answered. The
// end so far, a warning or nothing, gives way to a failure only.
func (p *probe) together(r *probes.Run, parts []dial.Part, answers []*ntp.Response, offset, trip time.Duration, end error) error {
	var fail, warn error
	if spread, held := p.spread(parts, answers); held != "" {
		r.Assert("agreement", spread <= p.MaxSpread, held)
		if spread > p.MaxSpread {
			fail = probes.Failf(probes.ReasonDisagreement, "%s", held)
		}
	}
	held := fmt.Sprintf("their clock is %s ahead of ours", rounded(offset))
	if offset < 0 {
		held = fmt.Sprintf("our clock is %s ahead of theirs", rounded(-offset))
	}
	r.Assert("offset", offset.Abs() <= p.MaxOffset, held)
	switch {
	case fail != nil:
	case offset.Abs() > p.MaxOffset:
		fail = probes.Failf(probes.ReasonClockOffset, "%s, more than %s", held, p.MaxOffset)
	case offset.Abs() > p.WarnOffset:
		warn = &probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonClockOffset, Err: fmt.Errorf("%s, more than %s", held, p.WarnOffset)}
	case p.WarnSlowerThan > 0 && trip > p.WarnSlowerThan:
		warn = dial.Slow(trip, p.WarnSlowerThan)
	}
	p.noteLeap(r, parts, answers)
	if fail != nil || end != nil {
		return fail
	}
	return warn
}

// spread is how far apart the clocks of the servers are that nobody outvoted.
func (p *probe) spread(parts []dial.Part, answers []*ntp.Response) (time.Duration, string) {
	first, last, n := -1, -1, 0
	for i, part := range parts {
		if part.Err != nil {
			continue
		}
		n++
		if first < 0 || answers[i].ClockOffset < answers[first].ClockOffset {
			first = i
		}
		if last < 0 || answers[i].ClockOffset > answers[last].ClockOffset {
			last = i
		}
	}
	if n < 2 {
		return 0, ""
	}
	d := answers[last].ClockOffset - answers[first].ClockOffset
	return d, fmt.Sprintf("the clock of %s is %s ahead of that of %s", parts[last].Name, rounded(d), parts[first].Name)
}

// noteLeap tells of a leap second to come.
func (p *probe) noteLeap(r *probes.Run, parts []dial.Part, answers []*ntp.Response) {
	for i, part := range parts {
		if part.Err == nil && (answers[i].Leap == ntp.LeapAddSecond || answers[i].Leap == ntp.LeapDelSecond) {
			r.Assert("leap", true, part.Name+" announces a leap second at the end of the month")
			return
		}
	}
}
