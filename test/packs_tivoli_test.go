package test

import (
	bytesof "encoding/binary" // the harness has a function of that name
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack/openview"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
)

// omnibus is a stand-in for a probe with the rules of the pack, and its
// ObjectServer.
type omnibus struct {
	name   string
	t      *testing.T
	rules  *nco.Program
	mu     sync.Mutex
	server *nco.Server
}

func newOmnibus(t *testing.T, files map[string][]byte, name, rules string, known func(string) bool) *omnibus {
	t.Helper()
	p, err := nco.Load(nco.Home(files, "idp"), rules, known)
	require.NoError(t, err)
	return &omnibus{name: name, t: t, rules: p, server: nco.NewServer()}
}

// take runs the rules on an event, and the automations a second later.
func (o *omnibus) take(tokens map[string]string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	row, runErr := o.rules.Run(tokens, nil)
	if err = errors.Join(err, runErr); err != nil {
		o.t.Errorf("%s: %v", o.name, err)
		return
	}
	o.server.Insert(row)
	o.server.Pass(1)
}

// shows tells how the event list looks, one line for each that is not cleared.
func (o *omnibus) shows() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, r := range o.server.Standing() {
		all = append(all, fmt.Sprintf("%s type %d severity %d: %s", r.Fields["AlertGroup"], r.Number("Type"), r.Number("Severity"), r.Fields["Summary"]))
	}
	return all
}

// mttrapd takes traps of a UDP socket.
func (o *omnibus) mttrapd() string {
	l, err := new(net.ListenConfig).ListenPacket(o.t.Context(), "udp", "127.0.0.1:0")
	require.NoError(o.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1<<16); ; {
			n, _, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			o.take(nco.Trap(b[:n], "127.0.0.1"))
		}
	}()
	o.t.Cleanup(func() { _ = l.Close(); <-done })
	return l.LocalAddr().String()
}

// eif takes events.
func (o *omnibus) eif() string {
	return listen(o.t, func(c net.Conn) {
		for {
			header := make([]byte, 36)
			if _, err := io.ReadFull(c, header); err != nil {
				return
			}
			body := make([]byte, min(bytesof.BigEndian.Uint32(header[28:]), 1<<16))
			if _, err := io.ReadFull(c, body); err != nil {
				return
			}
			tokens, _, err := nco.EIF(append(header, body...), true)
			o.take(tokens, err)
		}
	})
}

// messageBus takes requests with the parser of the pack.
func (o *omnibus) messageBus(parser nco.Parser) string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			o.t.Errorf("%s: %v", o.name, err)
		}
		messages, err := parser.Messages(r.URL.Path, body)
		if err != nil {
			o.t.Errorf("%s: %v", o.name, err)
		}
		for _, tokens := range messages {
			o.take(tokens, nil)
		}
	}))
	o.t.Cleanup(server.Close)
	return server.URL + parser.EventSources[0].Endpoint
}

// TestPackTivoliShowsAndClears has the exporter tell an alarm to all three
// probes of the pack at once.
func TestPackTivoliShowsAndClears(t *testing.T) {
	t.Parallel()
	_, files := packtest.Made(t, tivoli.Files, "", "", "")
	parser, err := nco.ReadParser(files["messagebus/idp_parser.json"])
	require.NoError(t, err)
	baroc := string(files["tec/idp_exporter.baroc"])
	slot := func(name string) bool {
		return name == "ClassName" || regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).MatchString(baroc)
	}
	trap := newOmnibus(t, files, "MTTrapd", "snmptrap.rules", nco.TrapToken)
	eif := newOmnibus(t, files, "EIF", "tivoli_eif.rules", slot)
	bus := newOmnibus(t, files, "Message Bus", "message_bus_idp.rules", nco.AlertToken)
	e := serve(t, farProbe+"alarms: {heartbeat: 1s, resend: 1s}\nbridges:\n"+
		"  - {name: trap, kind: snmp, destinations: [{name: local, address: '"+trap.mttrapd()+"'}]}\n"+
		"  - {name: eif, kind: eif, servers: ['"+eif.eif()+"']}\n"+
		"  - {name: bus, kind: webhook, template: alertmanager, url: '"+bus.messageBus(parser)+"'}\n")
	const text = "login: größer als 5 s"
	for _, step := range []struct {
		severity string
		firing   bool
		want     string
	}{
		{"major", true, "IDP Alarm type 1 severity 4: Pack-x on shop: "},
		{"critical", true, "IDP Alarm type 1 severity 5: Pack-x on shop: "},
		{"critical", false, "IDP Alarm type 1 severity 4: Pack-x on shop: "}, // the other alert still fires
		{"major", false, ""},
	} {
		e.alerts(strings.Replace(packAlert(step.severity, text, step.firing), "Pack-"+step.severity, "Pack-x", 1))
		for _, o := range []*omnibus{trap, eif, bus} {
			eventually(t, 30*time.Second, func() error {
				all := o.shows()
				alarms, beats, right := 0, 0, step.want == ""
				for _, line := range all {
					switch {
					case strings.HasPrefix(line, "IDP Alarm"):
						alarms++
						right = step.want != "" && strings.HasPrefix(line, step.want) && strings.Contains(line, text)
					case strings.HasPrefix(line, "IDP Heartbeat type 13 severity 1: idp_exporter is alive ("):
						beats++
					}
				}
				if !right || alarms > 1 || beats != 1 || len(all) != alarms+beats {
					return fmt.Errorf("%s shows %q, not one heartbeat and %q", o.name, all, step.want)
				}
				return nil
			})
		}
	}
}

// TestPackOpenViewOpcmsg has the exporter check the example, and run it with a
// program in place of opcmsg.
func TestPackOpenViewOpcmsg(t *testing.T) {
	t.Parallel()
	_, files := packtest.Made(t, openview.Files, "", "", "")
	example := string(files["opcmsg.yml"])
	dir := t.TempDir()
	_, stderr, code := command(t, "check-config", writeFile(t, dir, "opcmsg.yml", example))
	require.Equal(t, 0, code, stderr)
	for line := range strings.Lines(stderr) {
		require.Contains(t, line, "cannot be run here now")
	}
	out, program := filepath.Join(dir, "out"), filepath.Join(dir, "opcmsg")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s|' \"$@\" >>"+out+"\necho >>"+out+"\n"), 0o700)) //nolint:gosec // it is to be run
	_, bridge, found := strings.Cut(example, "\nbridges:\n")
	require.True(t, found)
	e := serve(t, farProbe+"bridges:\n"+strings.Replace(bridge, "/opt/OV/bin/opcmsg", program, 1))
	e.alerts(packAlert("minor", `it's "late"; $(touch x)`, true))
	wait := func(want string) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			got, err := os.ReadFile(out)
			if err == nil && !strings.Contains(string(got), want) {
				err = fmt.Errorf("no %s in\n%s", want, got)
			}
			return err
		})
	}
	wait(`severity=minor|application=idp_exporter|object=shop|msg_grp=Login|msg_text=Pack-minor on shop: it's "late"; $(touch x)|-option|id=pack-minor-`)
	wait("|-option|state=raise|\n")
	e.alerts(packAlert("minor", "late", false))
	wait("severity=normal|application=idp_exporter|")
	wait("|-option|state=clear|\n")
}
