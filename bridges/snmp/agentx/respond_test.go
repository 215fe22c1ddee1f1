package agentx

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

func ranges(from, to mib.OID, include bool) []byte {
	b := appendOID(nil, from)
	if include {
		b[2] = 1
	}
	return appendOID(b, to)
}

func TestRespond(t *testing.T) {
	t.Parallel()
	m := model(t)
	tree := m.Tree(netsnmp.Sample())
	all := tree.All()
	big := header{flags: flagNetwork}
	as := func(kind byte) header { h := big; h.kind = kind; return h }
	first, second, last := all[0], all[1], all[len(all)-1]

	for name, c := range map[string]struct {
		h       header
		payload []byte
		want    []byte
	}{
		"get":                   {as(typeGet), ranges(first.OID, nil, false), appendVariable(nil, first.OID, first.Value)},
		"get of nothing":        {as(typeGet), ranges(m.Base, nil, false), appendException(nil, m.Base, noSuchObject)},
		"get of no row":         {as(typeGet), ranges(m.Base.Child(1, 2, 1, 2, 1), nil, false), appendException(nil, m.Base.Child(1, 2, 1, 2, 1), noSuchInstance)},
		"next":                  {as(typeGetNext), ranges(first.OID, nil, false), appendVariable(nil, second.OID, second.Value)},
		"next, included":        {as(typeGetNext), ranges(first.OID, nil, true), appendVariable(nil, first.OID, first.Value)},
		"next up to an end":     {as(typeGetNext), ranges(first.OID, second.OID, false), appendException(nil, first.OID, endOfView)},
		"next after the last":   {as(typeGetNext), ranges(last.OID, nil, false), appendException(nil, last.OID, endOfView)},
		"next before the first": {as(typeGetNext), ranges(mib.OID{1, 3}, nil, false), appendVariable(nil, first.OID, first.Value)},
	} {
		a, ok := respond(tree, c.h, c.payload)
		require.True(t, ok, name)
		require.Equal(t, answer{variables: c.want}, a, name)
	}

	bulk := append([]byte{0, 1, 0, 2}, ranges(first.OID, nil, true)...)
	a, ok := respond(tree, as(typeGetBulk), append(bulk, ranges(first.OID, nil, true)...))
	require.True(t, ok)
	want := appendVariable(nil, first.OID, first.Value)
	want = appendVariable(appendVariable(want, first.OID, first.Value), second.OID, second.Value)
	require.Equal(t, want, a.variables, "one single, one repeated twice")

	for kind, status := range map[byte]uint16{typeTestSet: notWritable, typeCommitSet: commitFailed, typeUndoSet: undoFailed, 99: parseError} {
		a, ok := respond(tree, as(kind), nil)
		require.True(t, ok)
		require.Equal(t, status, a.status)
	}
	_, ok = respond(tree, as(typeCleanupSet), nil)
	require.False(t, ok)
	h := as(typeGet)
	h.flags |= flagContext
	a, _ = respond(tree, h, append(appendOctets(nil, "other"), ranges(first.OID, nil, false)...))
	require.Equal(t, answer{status: unsupportedContext}, a)
	a, _ = respond(tree, as(typeGet), []byte{200, 0, 0, 0})
	require.Equal(t, answer{status: parseError}, a)

	// The other order of bytes, and the short form of 1.3.6.1.4.
	little := []byte{7, 4, 0, 0}
	for _, n := range first.OID[5:] {
		little = binary.LittleEndian.AppendUint32(little, n)
	}
	little[0] = byte(len(first.OID) - 5)
	a, _ = respond(tree, header{kind: typeGet}, append(little, 0, 0, 0, 0))
	require.Equal(t, appendVariable(nil, first.OID, first.Value), a.variables)
}

// Whatever comes, nothing panics and no answer grows without bound.
func FuzzRespond(f *testing.F) {
	m, err := mib.New("")
	require.NoError(f, err)
	tree := m.Tree(netsnmp.Sample())
	add := func(kind, flags byte, payload []byte) {
		f.Add(header{kind: kind, flags: flags}.pdu(payload), flags)
	}
	for _, kind := range []byte{typeGet, typeGetNext, typeTestSet, typeCommitSet, typeCleanupSet, typeResponse} {
		add(kind, flagNetwork, ranges(m.Base, m.Base.Child(2), true))
	}
	add(typeGetBulk, flagNetwork, append([]byte{0, 0, 0xff, 0xff}, ranges(m.Base, nil, false)...))
	add(typeGet, flagNetwork|flagContext, appendOctets(nil, "context"))
	f.Fuzz(func(t *testing.T, b []byte, flags byte) {
		if len(b) > 2 {
			b[2] = flags
		}
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		payload := b[headerSize:]
		require.LessOrEqual(t, h.length, uint32(maxPayload))
		a, ok := respond(tree, h, payload)
		if !ok {
			return
		}
		require.LessOrEqual(t, len(a.variables), (len(payload)/8+1)*2048+maxPayload)
		require.Zero(t, len(a.payload())%4, "whole words")
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"/var/agentx/master":      {"unix", "/var/agentx/master"},
		"unix:/var/agentx/master": {"unix", "/var/agentx/master"},
		"127.0.0.1:705":           {"tcp", "127.0.0.1:705"},
		"tcp:127.0.0.1:705":       {"tcp", "127.0.0.1:705"},
		"[::1]:705":               {"tcp", "[::1]:705"},
		"localhost:705":           {"tcp", "localhost:705"},
	} {
		network, a, err := Config{address}.dial()
		require.NoError(t, err, address)
		require.Equal(t, want, [2]string{network, a})
	}
	for _, address := range []string{"", "master", "tcp:"} {
		require.Len(t, Config{address}.Check(), 1, address)
	}
}

// A master that falls silent is asked, and left when it does not answer.
func TestSilentMaster(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	kinds := make(chan byte, 10)
	go func() {
		defer close(kinds)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			b := make([]byte, headerSize)
			if _, err := io.ReadFull(conn, b); err != nil {
				return
			}
			h, err := parseHeader(b)
			if err != nil {
				return
			}
			if _, err := io.ReadFull(conn, make([]byte, h.length)); err != nil {
				return
			}
			kinds <- h.kind
			if h.kind == typeOpen || h.kind == typeRegister {
				_, _ = conn.Write(header{kind: typeResponse, session: 5, packet: h.packet}.pdu(answer{}.payload()))
			}
		}
	}()
	s, err := New(Config{l.Addr().String()}, model(t), netsnmp.Source(netsnmp.Sample), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s.silence = 50 * time.Millisecond
	served, err := s.connect(t.Context())
	require.True(t, served)
	require.ErrorContains(t, err, "silent")
	var got []byte
	for k := range kinds {
		got = append(got, k)
	}
	require.Equal(t, []byte{typeOpen, typeRegister, typePing, typeClose}, got)
}

// A master that sends garbage, or stops half-way, is left.
func TestHostileMaster(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"garbage":  []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"huge":     {1, typeResponse, flagNetwork, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc},
		"half":     {1, typeResponse},
		"no words": header{kind: typeResponse, packet: 1}.pdu([]byte{0, 0, 0, 0}),
		"refusal":  header{kind: typeResponse, packet: 1}.pdu(answer{status: 256}.payload()),
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write(b)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}()
		s, err := New(Config{l.Addr().String()}, model(t), netsnmp.Source(netsnmp.Sample), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		served, err := s.connect(t.Context())
		require.False(t, served, name)
		require.Error(t, err, name)
		<-done
		require.NoError(t, l.Close())
	}
}
