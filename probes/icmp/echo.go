package icmpprobe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// markSize is the length of the random mark that each request of a run carries,
// in bytes. Sockets see the answers to other processes, and the kernel may put
// an id of its own in place of ours.
const markSize = 16

// run sends the requests and judges what came back. An address from which
// nothing does gives way to the next one.
func (p *probe) run(ctx context.Context, r *probes.Run) error {
	host, _ := p.endpoint.Dialed()
	begin := time.Now()
	addrs, err := p.IPVersion.Resolve(ctx, host)
	if _, literal := netip.ParseAddr(host); literal != nil || err != nil {
		r.AddStep(dial.StepDNS, begin, time.Since(begin), err)
	}
	if err != nil {
		return err
	}
	var first error
	var failed string
	for i, addr := range addrs {
		e, step, err := p.try(ctx, r, addr, dial.Share(ctx, len(addrs)-i))
		if err == nil && e.back > 0 {
			return r.Step(stepEcho, func() error { return p.judge(r, e) })
		}
		if err == nil {
			err = p.judge(r, e)
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			err = dial.Failure(ctx, ctx.Err())
		}
		if first == nil || ctx.Err() != nil {
			first, failed = err, step
		}
		if ctx.Err() != nil {
			break
		}
	}
	r.AddStep(failed, time.Now(), 0, first)
	return first
}

// try sends the requests to one address, with the steps socket and echo, the
// last of which it returns. It gives the address up if nothing has come back
// after patience, unless that is 0.
func (p *probe) try(ctx context.Context, r *probes.Run, addr netip.Addr, patience time.Duration) (*echoes, string, error) {
	begin := time.Now()
	s, err := open(addr)
	r.AddStep(stepSocket, begin, time.Since(begin), nil)
	if err != nil {
		return nil, stepSocket, err
	}
	defer func() { _ = s.Close() }()
	e := &echoes{socket: s, mark: make([]byte, p.Size), sent: make([]time.Time, p.Count), trips: make([]time.Duration, p.Count)}
	_, _ = rand.Read(e.mark[:markSize]) // never fails
	begin = time.Now()
	if patience > 0 {
		e.giveUp = begin.Add(patience)
	}
	err = p.exchange(ctx, e)
	e.ended = time.Now()
	r.AddStep(stepEcho, begin, e.ended.Sub(begin), nil)
	return e, stepEcho, err
}

// echoes are the requests of one run and what became of them.
type echoes struct {
	*socket
	mark  []byte
	sent  []time.Time
	trips []time.Duration // zero: not answered
	// back is how many were answered, refused what a router says instead.
	back    int
	refused error
	// giveUp is when to end unless something came back; zero for never.
	giveUp, ended time.Time
}

// hopeless tells whether the address is to be given up.
func (e *echoes) hopeless() bool {
	return e.back == 0 && !e.giveUp.IsZero() && (e.refused != nil || !time.Now().Before(e.giveUp))
}

// exchange sends every request and reads answers in between. It owns the one
// goroutine that sends.
func (p *probe) exchange(ctx context.Context, e *echoes) error {
	ctx, cancel := context.WithTimeout(ctx, p.longest())
	defer cancel()
	deadline, _ := ctx.Deadline()
	stop := context.AfterFunc(ctx, func() { _ = e.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = e.SetDeadline(deadline)
	buffer := make([]byte, p.Size+512) // longer messages are no answers of ours
	id := int(binary.BigEndian.Uint16(e.mark))
	for seq := range p.Count {
		packet, err := e.request(id, seq, e.mark)
		if err != nil {
			return probes.Failf(probes.ReasonInternal, "%w", err)
		}
		e.sent[seq] = time.Now()
		if _, err := e.WriteTo(packet, e.to); err != nil {
			return dial.Failure(ctx, err)
		}
		until := deadline
		if seq < p.Count-1 {
			until = e.sent[seq].Add(p.Interval)
		}
		if err := e.read(ctx, buffer, until, seq == p.Count-1); err != nil || e.hopeless() {
			return err
		}
	}
	return nil
}

// read takes answers until a moment, or until all are there if it is the last
// time. The end of the run is no failure: what was lost by then is judged.
func (e *echoes) read(ctx context.Context, buffer []byte, until time.Time, last bool) error {
	for !last || e.back < len(e.sent) && (e.refused == nil || e.back > 0) {
		if e.back == 0 && !e.giveUp.IsZero() && e.giveUp.Before(until) {
			_ = e.SetReadDeadline(e.giveUp)
		} else {
			_ = e.SetReadDeadline(until)
		}
		if ctx.Err() != nil {
			break
		}
		n, peer, err := e.ReadFrom(buffer)
		now := time.Now()
		if dial.IsTimeout(err) || err != nil && ctx.Err() != nil {
			break
		}
		if err != nil {
			return dial.Failure(ctx, err)
		}
		e.take(buffer[:n], fetch.AddrOf(peer), now)
	}
	return nil //nolint:nilerr // as said above
}

// take notes an answer, if the message is one to a request of this run.
func (e *echoes) take(message []byte, from netip.Addr, now time.Time) {
	m, err := icmp.ParseMessage(e.proto, message)
	if err != nil {
		return
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		if m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply {
			return
		}
		if from != e.addr.WithZone("") || !bytes.Equal(body.Data, e.mark) || body.Seq >= len(e.sent) || e.sent[body.Seq].IsZero() || e.trips[body.Seq] != 0 {
			return
		}
		e.trips[body.Seq] = max(now.Sub(e.sent[body.Seq]), 1)
		e.back++
	case *icmp.DstUnreach:
		// It quotes the request: IP header, ICMP header, the first of the data.
		if bytes.Contains(body.Data, e.mark[:markSize]) {
			e.refused = fmt.Errorf("%s says the host cannot be reached (code %d)", from, m.Code)
		}
	}
}
