package snmp

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func leastOf(t testing.TB, message string) int {
	t.Helper()
	_, number, ok := strings.Cut(message, "at least ")
	require.True(t, ok, message)
	var n int
	_, err := fmt.Sscan(number, &n)
	require.NoError(t, err)
	return n
}

// socket is a UDP socket of the loopback.
func socket(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	port := netsnmp.Port(t)
	for _, inform := range []bool{false, true} {
		d := open(t, "", nil, Destination{Address: netsnmp.UDP(port), Inform: inform})[0]
		for range 3 { // each of them
			err := d.Deliverer.Deliver(t.Context(), raised("a"))
			require.ErrorContains(t, err, "nothing listens there")
			require.ErrorContains(t, err, port)
			require.False(t, bridges.IsPermanent(err))
		}
	}
}

// A receiver that goes away is noticed, and one that is back is believed.
func TestReceiverGoesAndComes(t *testing.T) {
	t.Parallel()
	address := netsnmp.UDP(netsnmp.Port(t))
	listen := func() *net.UDPConn {
		a, err := net.ResolveUDPAddr("udp", address)
		require.NoError(t, err)
		c, err := net.ListenUDP("udp", a)
		require.NoError(t, err)
		return c
	}
	c := listen()
	d := open(t, "", nil, Destination{Address: address})[0]
	deliver(t, d, raised("a"))
	deliver(t, d, raised("b"))
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { // the first refusal comes with the next trap
		return d.Deliverer.Deliver(t.Context(), raised("c")) != nil
	}, netsnmp.Patience, time.Millisecond)
	require.Error(t, d.Deliverer.Deliver(t.Context(), raised("d")))
	c = listen()
	defer c.Close()
	deliver(t, d, raised("e"))
	b := make([]byte, 2000)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(netsnmp.Patience)))
	n, err := c.Read(b)
	require.NoError(t, err)
	require.Contains(t, string(b[:n]), "\x04\x01e")
}

func TestInformOfASilentReceiver(t *testing.T) {
	t.Parallel()
	c, two := socket(t), 2
	for _, v := range []string{v2c, v3} {
		d := Destination{Address: c.LocalAddr().String(), Version: v, Inform: true, Timeout: 100 * time.Millisecond, Retries: &two}
		if v == v3 {
			d.V3 = credentials(authPriv, "SHA256", "AES")
		}
		err := open(t, "", nil, d)[0].Deliverer.Deliver(t.Context(), raised("a"))
		require.ErrorContains(t, err, "asked 3 times")
		require.ErrorContains(t, err, map[string]string{v2c: "community", v3: "user probe"}[v])
		b := make([]byte, 2000)
		for range 3 {
			require.NoError(t, c.SetReadDeadline(time.Now().Add(netsnmp.Patience)))
			_, err := c.Read(b)
			require.NoError(t, err)
		}
	}
	// The end of the context ends the wait.
	d := open(t, "", nil, Destination{Address: c.LocalAddr().String(), Inform: true, Timeout: time.Minute})[0]
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	started := time.Now()
	require.Error(t, d.Deliverer.Deliver(ctx, raised("a")))
	require.Less(t, time.Since(started), 50*time.Second)
}

// answering runs a receiver that answers each datagram with what f makes of it.
func answering(t testing.TB, f func(*gosnmp.SnmpPacket) [][]byte) string {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDP(b)
			if err != nil {
				return
			}
			p, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(b[:n])
			if err != nil {
				continue
			}
			for _, answer := range f(p) {
				_, _ = c.WriteToUDP(answer, from)
			}
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		<-done
	})
	return c.LocalAddr().String()
}

func marshal(t testing.TB, p gosnmp.SnmpPacket) []byte {
	t.Helper()
	b, err := p.MarshalMsg()
	require.NoError(t, err)
	return b
}

// Only an answer to the inform at hand acknowledges it.
func TestAnswersToInforms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*gosnmp.SnmpPacket)
		want   string
	}{
		"acknowledged":  {func(*gosnmp.SnmpPacket) {}, ""},
		"another id":    {func(p *gosnmp.SnmpPacket) { p.RequestID++ }, "no answer"},
		"no id":         {func(p *gosnmp.SnmpPacket) { p.RequestID = 0 }, "no answer"},
		"not an answer": {func(p *gosnmp.SnmpPacket) { p.PDUType = gosnmp.GetRequest }, "no answer"},
		"v1":            {func(p *gosnmp.SnmpPacket) { p.Version = gosnmp.Version1 }, "no answer"},
		"too big":       {func(p *gosnmp.SnmpPacket) { p.Error = gosnmp.TooBig }, "max_size"},
		"an error":      {func(p *gosnmp.SnmpPacket) { p.Error = gosnmp.GenErr }, "GenErr"},
	} {
		address := answering(t, func(p *gosnmp.SnmpPacket) [][]byte {
			garbage := []byte{0x30, 0x82, 0xff, 0xff, 2, 1}
			a := *p
			a.PDUType, a.Error, a.ErrorIndex = gosnmp.GetResponse, 0, 0
			c.change(&a)
			return [][]byte{garbage, {}, marshal(t, a)}
		})
		no := 0
		d := open(t, "", nil, Destination{Address: address, Inform: true, Retries: &no, Timeout: 300 * time.Millisecond})[0]
		if c.want == "" { // with all the time that a slow machine may need
			d = open(t, "", nil, Destination{Address: address, Inform: true, Timeout: 30 * time.Second})[0]
		}
		err := d.Deliverer.Deliver(t.Context(), raised("a"))
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
	}
}

// Nobody without the key can acknowledge for a receiver of v3, or set its clock.
func FuzzJudge(f *testing.F) {
	ready := func(version string) (*sender, *gosnmp.SnmpPacket) {
		model, err := mib.New("")
		require.NoError(f, err)
		d, err := Destination{Address: "127.0.0.1", Version: version, Inform: true, V3: credentials(authPriv, "SHA256", "AES")}.settled()
		require.NoError(f, err)
		s, err := newSender(d, model, bridges.Setting{}, nil)
		require.NoError(f, err)
		p, err := s.packet(raised("a"))
		require.NoError(f, err)
		p.PDUType, p.RequestID = gosnmp.InformRequest, 5
		if version == v3 {
			s.user.salt = 1 // each process of the fuzzer is to make the same answer
			s.peer = peer{"\x80\x00\x00\x00\x05engine", 3, 4, time.Now()}
			parameters, err := s.user.with(s.peer.id, 3, 4)
			require.NoError(f, err)
			s.user.sign(p, parameters, 6)
		} else {
			require.NoError(f, s.community(p))
		}
		return s, p
	}
	s2, p2 := ready(v2c)
	s3, p3 := ready(v3)
	for _, p := range []*gosnmp.SnmpPacket{p2, p3} {
		a := *p
		a.PDUType = gosnmp.GetResponse
		f.Add(marshal(f, a))
	}
	for _, counter := range []string{notInWindow, unknownEngine, unknownUser, wrongDigest} {
		f.Add(marshal(f, gosnmp.SnmpPacket{
			Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.NoAuthNoPriv, MsgID: 6, RequestID: 5, PDUType: gosnmp.Report,
			SecurityParameters: &gosnmp.UsmSecurityParameters{AuthoritativeEngineID: s3.peer.id, AuthoritativeEngineBoots: 99},
			Variables:          []gosnmp.SnmpPDU{{Name: counter, Type: gosnmp.Counter32, Value: uint32(1)}},
		}))
	}
	genuine := marshal(f, func() gosnmp.SnmpPacket { a := *p3; a.PDUType = gosnmp.GetResponse; return a }())
	done, err := s3.judge(p3, genuine)
	require.True(f, done && err == nil, "a genuine answer is one")
	repeated := *p3
	repeated.MsgID++
	done, err = s3.judge(&repeated, genuine)
	require.True(f, done && err == nil, "of an earlier repetition too")
	repeated.RequestID++
	done, err = s3.judge(&repeated, genuine)
	require.True(f, !done && err == nil, "but not of another inform")
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = s2.judge(p2, b)
		before := s3.peer
		done, err := s3.judge(p3, b)
		if string(b) != string(genuine) {
			require.False(t, done)
			require.NotErrorIs(t, err, errWindow)
		}
		require.Equal(t, before, s3.peer)
		_, _ = plainReport(b)
	})
}

// However odd the texts, the message fits, has everything, in order, and no
// torn character.
func FuzzEncode(f *testing.F) {
	f.Add("name", "text", "\xff\xfe", strings.Repeat("ä", 900), uint16(484), uint8(0))
	f.Add("", strings.Repeat("€", 2000), strings.Repeat("x", 400), "https://example.com", uint16(600), uint8(1))
	model, err := mib.New("")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name, text, target, runbook string, size uint16, version uint8) {
		limit := max(int(size), minSize)
		n := newNotification(model, time.Now(), limit)
		e := bridges.Event{Kind: bridges.Raise, Alarm: bridges.Alarm{ID: "a", Name: name, Text: text, Target: target, Runbook: runbook, Probe: name, Node: target, Reason: text}}
		p, err := n.packet(e)
		require.NoError(t, err)
		p.Version, p.Community, p.RequestID = gosnmp.Version2c, "public", math.MaxInt32
		first := 2
		if version%2 == 1 {
			require.NoError(t, asV1(p, model.Base, "127.0.0.1"))
			first = 0
		}
		b, err := n.encode(p)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b), limit)
		got, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(b)
		require.NoError(t, err)
		require.Len(t, got.Variables, first+11)
		for i, v := range got.Variables[first:] {
			require.Equal(t, "."+n.names[i], v.Name)
			if text, ok := v.Value.([]byte); ok && i != 5 {
				require.True(t, utf8.Valid(text))
			}
		}
	})
}

func FuzzIdentity(f *testing.F) {
	folder := f.TempDir()
	path := filepath.Join(folder, "e")
	require.NoError(f, writeIdentity(path, identity{"\x80\x00\x00\x00\x05engine", 7}))
	b, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte("{}"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := parseIdentity(b)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		require.NoError(t, writeIdentity(filepath.Join(t.TempDir(), "e"), i))
		require.Positive(t, i.boots)
	})
}

// A password that is changed is used with the next event, and keys are derived
// once for each.
func TestPasswordsChange(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("the-first-password\n"), 0o600))
	v := credentials(authOnly, "SHA256", "")
	v.AuthPassword = secret.FromFile(file)
	u := newUser(v.settled())
	first, err := u.with("engine-1", 1, 1)
	require.NoError(t, err)
	again, err := u.with("engine-1", 2, 2)
	require.NoError(t, err)
	require.Same(t, first, again)
	key := string(again.SecretKey)
	require.NoError(t, os.WriteFile(file, []byte("the-second-password\n"), 0o600))
	changed, err := u.with("engine-1", 3, 3)
	require.NoError(t, err)
	require.NotEqual(t, key, string(changed.SecretKey))
	require.NoError(t, os.Remove(file))
	_, err = u.with("engine-1", 3, 3)
	require.ErrorContains(t, err, "auth_password")
	require.NotContains(t, err.Error(), "the-second-password")
}

func TestEngine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var log logged
	d := Destination{Address: "127.0.0.1", Version: v3, V3: credentials(noAuth, "", "")}
	next := func() (string, uint32) {
		open(t, folder, &log, d)
		id, boots, err := EngineID(folder, "consoles")
		require.NoError(t, err)
		return id, boots
	}
	id, boots := next()
	require.EqualValues(t, 1, boots)
	same, boots := next()
	require.Equal(t, id, same)
	require.EqualValues(t, 2, boots)

	// As often as it can.
	i, err := readIdentity(enginePath(folder, "consoles"))
	require.NoError(t, err)
	require.NoError(t, writeIdentity(enginePath(folder, "consoles"), identity{i.id, maxBoots - 1}))
	another, boots := next()
	require.NotEqual(t, id, another)
	require.EqualValues(t, 1, boots)
	require.Contains(t, log.String(), "as often as it can")

	// A disk that takes nothing: nothing is sent that receivers would refuse
	// later, and the bridge goes on once it can.
	blocked := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	c := socket(t)
	d.Address = c.LocalAddr().String()
	all := open(t, filepath.Join(blocked, "storage"), &log, d)
	require.Error(t, all[0].Deliverer.Deliver(t.Context(), raised("a")))
	require.NoError(t, os.Remove(blocked))
	deliver(t, all[0], raised("a"))

	// Without storage there is one for each start.
	open(t, "", &log, d)
	require.Contains(t, log.String(), "without storage")
}

func TestUnknownEventIsPermanent(t *testing.T) {
	t.Parallel()
	d := open(t, "", nil, Destination{Address: "127.0.0.1"})[0]
	require.True(t, bridges.IsPermanent(d.Deliverer.Deliver(t.Context(), bridges.Event{Kind: "odd"})))
}
