package syslog

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// rsyslogd returns Debian's rsyslogd and the folder of its libraries, as
// test/setup unpacks them.
func rsyslogd(t *testing.T) (binary, libs string) {
	binary, err := filepath.Abs("../../.cache/debian/usr/sbin/rsyslogd")
	require.NoError(t, err)
	modules, _ := filepath.Glob(filepath.Join(filepath.Dir(binary), "../lib/*/rsyslog/lmnsd_ossl.so"))
	if _, err := os.Stat(binary); err != nil || len(modules) == 0 {
		t.Skip("rsyslogd is not here: run test/setup where Debian's packages can be reached")
	}
	return binary, filepath.Dir(filepath.Dir(modules[0]))
}

// TestRsyslog: a real rsyslogd receives by UDP, TCP in both framings and TLS,
// and finds every part where it looks for it.
func TestRsyslog(t *testing.T) {
	t.Parallel()
	binary, libs := rsyslogd(t)
	dir := t.TempDir()
	ca := fetchtest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		return path
	}
	certFile := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	keyFile := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	udp, tcp, secure := netsnmp.Port(t), netsnmp.Port(t), netsnmp.Port(t)
	out := filepath.Join(dir, "out.log")
	config := write("rsyslog.conf", fmt.Appendf(nil, `
global(workDirectory="%[1]s" maxMessageSize="64k" defaultNetstreamDriverCAFile="%[2]s" defaultNetstreamDriverCertFile="%[3]s" defaultNetstreamDriverKeyFile="%[4]s")
module(load="imudp")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="all" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="sd" name="$!rfc5424-sd" format="jsonf")
}
ruleset(name="in") {
  action(type="mmpstrucdata")
  action(type="omfile" file="%[5]s" template="all")
}
input(type="imudp" address="127.0.0.1" port="%[6]s" ruleset="in")
input(type="imtcp" address="127.0.0.1" port="%[7]s" ruleset="in")
input(type="imtcp" address="127.0.0.1" port="%[8]s" ruleset="in" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
`, dir, ca.File, certFile, keyFile, out, udp, tcp, secure))
	var said bytes.Buffer
	cmd := exec.Command(binary, "-n", "-f", config, "-i", filepath.Join(dir, "pid"), "-M", filepath.Join(libs, "rsyslog"))
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(out)
			t.Logf("%s\n%s", said.String(), b)
		}
	})
	trust, err := fetch.TLS{CAFile: ca.File}.Config()
	require.NoError(t, err)
	for _, dial := range []func() (net.Conn, error){
		func() (net.Conn, error) { return net.Dial("tcp", "127.0.0.1:"+tcp) },
		// A handshake that is given up sometimes keeps rsyslogd from reading what others send.
		func() (net.Conn, error) { return tls.Dial("tcp", "127.0.0.1:"+secure, trust) },
	} {
		eventually(t, func() bool {
			c, err := dial()
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		})
	}
	type record struct {
		Pri, Host, App, ID, Time, Msg, SD string
		elements                          map[string]map[string]string
	}
	found := func() map[string]record {
		all := map[string]record{}
		b, _ := os.ReadFile(out)
		for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			var r record
			if json.Unmarshal([]byte(line), &r) == nil && json.Unmarshal([]byte(r.SD), &r.elements) == nil {
				for _, params := range r.elements {
					if id := params["id"]; id != "" {
						all[id+r.ID] = r
					}
				}
			}
		}
		return all
	}
	for name, change := range map[string]func(*Options){
		"udp":     func(o *Options) { o.Address = "udp://127.0.0.1:" + udp },
		"tcp":     func(o *Options) { o.Address = "tcp://127.0.0.1:" + tcp },
		"newline": func(o *Options) { o.Address, o.Framing = "tcp://127.0.0.1:"+tcp, framingNewline },
		"tls":     func(o *Options) { o.Address, o.TLS.CAFile = "tls://127.0.0.1:"+secure, ca.File },
	} {
		o := NewOptions()
		change(o)
		d := open(t, o.Address, func(p *Options) { change(p); p.Hostname, p.Facility = "exporter1", "local3" })
		e := raise("alarm-"+name, "Zürich: it's \"down\" [again]\\;\n{\"a\":1}")
		e.Alarm.Node = `a]"\b`
		require.NoError(t, deliver(t, d, e))
		clear := e
		clear.Kind, clear.Alarm.Severity, clear.Alarm.Text = bridges.Clear, bridges.Cleared, "over"
		require.NoError(t, deliver(t, d, clear))
		eventually(t, func() bool { return len(found()["alarm-"+name+"clear"].Msg) > 0 })
		got := found()["alarm-"+name+"raise"]
		require.Equal(t, "154", got.Pri, name) // local3, critical
		require.Equal(t, "exporter1", got.Host)
		require.Equal(t, "idp_exporter", got.App)
		require.Equal(t, "2026-09-01T10:00:00.123456Z", got.Time)
		require.Equal(t, `login on shop: Zürich: it's "down" [again]\; {"a":1}`, strings.TrimPrefix(strings.TrimSpace(got.Msg), "\ufeff"))
		sd := got.elements["idpalarm@32473"]
		require.Equal(t, "major", sd["severity"], "%v", got.elements)
		require.Equal(t, "17", sd["sequence"])
		require.Equal(t, e.Alarm.Node, sd["node"])
		require.Equal(t, "major", got.elements["alarm"]["perceivedseverity"])
		require.Equal(t, "157", found()["alarm-"+name+"clear"].Pri) // local3, notice
	}
}
