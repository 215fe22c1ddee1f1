package tlsprobe

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Records, messages and extensions (IANA's registry of TLS parameters).
const (
	recordAlert     = 21
	recordHandshake = 22

	messageRequest = 0 // HelloRequest
	messageHello   = 2 // ServerHello
	messageDone    = 14

	extName       = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extMaster     = 23 // extended_master_secret (RFC 7627)
)

// oldSuites are cipher suites of the protocols up to TLS 1.2, whoever still
// knows how to compute them, so that a server that refuses them refuses the
// protocol. They are fewer than 128, which is as many as some servers take, and
// end with the signal that makes strict servers talk at all (RFC 5746, 3.3).
func oldSuites() []uint16 {
	suites := make([]uint16, 0, 128)
	for _, span := range [][2]uint16{
		{0xc02b, 0xc030}, {0xc023, 0xc028}, {0xc009, 0xc00a}, {0xc013, 0xc014}, {0xcca8, 0xccaa}, {0xc0ac, 0xc0af}, // ECDHE, AES and ChaCha20
		{0x009c, 0x00a3}, {0x003c, 0x0040}, {0x0067, 0x006b}, {0x0030, 0x0039}, {0x002f, 0x002f}, {0xc09c, 0xc09f}, // RSA, DHE and DH, AES
		{0x0041, 0x0045}, {0x0084, 0x0088}, {0x0096, 0x009a}, // Camellia and SEED
		{0x0004, 0x0005}, {0x0007, 0x0007}, {0x000a, 0x000a}, {0x000d, 0x000d}, {0x0010, 0x0010}, {0x0013, 0x0013}, {0x0016, 0x0016}, // RC4, IDEA, 3DES
		{0xc007, 0xc008}, {0xc011, 0xc012}, {0xc002, 0xc005}, {0xc00c, 0xc00f}, // the same with ECDHE, and ECDH
		{0x0018, 0x0018}, {0x001b, 0x001b}, {0x003a, 0x003a}, {0x006c, 0x006d}, {0xc015, 0xc019}, // without a certificate
		{0x0003, 0x0003}, {0x0006, 0x0006}, {0x0008, 0x0009}, {0x0012, 0x0012}, {0x0014, 0x0015}, // DES, and what was fit for export
		{0x0001, 0x0002}, {0x003b, 0x003b}, {0xc006, 0xc006}, {0xc010, 0xc010}, // no encryption
		{0x00ff, 0x00ff},
	} {
		for id := int(span[0]); id <= int(span[1]); id++ {
			suites = append(suites, uint16(id)) //nolint:gosec // from the list
		}
	}
	return suites
}

// hello returns a record with a ClientHello (RFC 5246, 7.4.1.2) that offers a
// version and those before it.
func hello(version uint16, name string) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(recordHandshake)
	b.AddUint16(min(version, tls.VersionTLS10)) // as clients do (RFC 5246, E.1)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1) // ClientHello
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			random := make([]byte, 32)
			_, _ = rand.Read(random) // never fails
			b.AddUint16(version)
			b.AddBytes(random)
			b.AddUint8(0) // no session
			add16s(b, oldSuites()...)
			b.AddUint16(0x0100) // no compression
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { extensions(b, version, name) })
		})
	})
	return b.Bytes()
}

func extensions(b *cryptobyte.Builder, version uint16, name string) {
	add := func(id uint16, content func(*cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(content)
	}
	if name != "" && net.ParseIP(name) == nil { // RFC 6066, 3: addresses are no names
		add(extName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0) // host_name
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
			})
		})
	}
	add(extGroups, func(b *cryptobyte.Builder) { add16s(b, 29, 23, 24, 25, 22, 256, 257) }) // X25519, NIST's, ffdhe
	add(extPoints, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
	add(extMaster, func(*cryptobyte.Builder) {})
	if version >= tls.VersionTLS12 {
		add(extSignatures, func(b *cryptobyte.Builder) {
			add16s(b, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202)
		})
	}
}

func add16s(b *cryptobyte.Builder, values ...uint16) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, v := range values {
			b.AddUint16(v)
		}
	})
}

// alert is an alert of a server (RFC 5246, 7.2).
type alert uint8

func (a alert) Error() string {
	return "the server answers with an alert: " + strings.TrimPrefix(tls.AlertError(a).Error(), "tls: ")
}

// refuses tells whether an alert says that there is no protocol, or nothing
// within it, that both sides would use.
func (a alert) refuses() bool {
	const handshakeFailure, protocolVersion, insufficientSecurity = 40, 70, 71
	return a == handshakeFailure || a == protocolVersion || a == insufficientSecurity
}

// errNotTLS is what a server answered that does not follow the protocol.
var errNotTLS = errors.New("its answer is not that of a TLS server")

// The bounds of a server's answer.
const (
	maxRecord  = 1<<14 + 2048 // bytes (RFC 5246, 6.2.3)
	maxRecords = 64
	maxFlight  = 128 << 10 // bytes of messages
)

// answer reads a server's answer to a ClientHello up to the ServerHelloDone that
// ends it, and returns the version of its ServerHello, 0 without one. Errors are
// of type alert, errNotTLS or those of the network.
func answer(in io.Reader) (version uint16, err error) {
	var flight cryptobyte.String
	for range maxRecords {
		kind, content, err := record(in)
		if err != nil {
			return version, err
		}
		switch {
		case kind == recordAlert && len(content) == 2:
			const warning, goodbye = 1, 0
			if content[0] == warning && content[1] != goodbye {
				continue // such as unrecognized_name
			}
			return version, alert(content[1])
		case kind != recordHandshake || len(flight)+len(content) > maxFlight:
			return version, errNotTLS
		}
		flight = append(flight, content...)
		for {
			rest := flight
			var message uint8
			var body cryptobyte.String
			if !rest.ReadUint8(&message) || !rest.ReadUint24LengthPrefixed(&body) {
				break // the rest of it is in the next record
			}
			flight = rest
			switch {
			case message == messageDone && version != 0:
				return version, nil
			case message == messageHello && version == 0:
				if !body.ReadUint16(&version) || version == 0 {
					return 0, errNotTLS
				}
			case message != messageRequest && version == 0:
				return 0, errNotTLS
			}
		}
	}
	return version, errNotTLS
}

// record reads one record.
func record(in io.Reader) (kind uint8, content []byte, err error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(in, header); err != nil {
		return 0, nil, err
	}
	s := cryptobyte.String(header)
	var version, length uint16
	if !s.ReadUint8(&kind) || !s.ReadUint16(&version) || !s.ReadUint16(&length) || version>>8 != 3 || length == 0 || length > maxRecord {
		return 0, nil, fmt.Errorf("%w: it begins with % x", errNotTLS, header)
	}
	content = make([]byte, length)
	_, err = io.ReadFull(in, content)
	return kind, content, err
}
