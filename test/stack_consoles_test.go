package test

import (
	"bufio"
	bytesof "encoding/binary" // the harness has a function of that name
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// told is what a console was told of an alarm, in words of its own.
type told struct {
	clear                       bool
	id, name, probe, severity   string
	text, target, also, runbook string
}

// console is a receiver of alarms.
type console struct {
	name string
	// all returns what it was told of alarms so far, in the order it came.
	all func() []told
	// bridge is the item of `bridges` that leads to it; the script's own has none.
	bridge string
}

// standing returns the ids of the alarms that the console shows now, by name.
func (c console) standing() map[string]map[string]bool {
	shown := map[string]map[string]bool{}
	for _, e := range c.all() {
		if shown[e.name] == nil {
			shown[e.name] = map[string]bool{}
		}
		if e.clear {
			delete(shown[e.name], e.id)
		} else {
			shown[e.name][e.id] = true
		}
	}
	return shown
}

// shows returns the latest that the console was told of an alarm, if it stands.
func (c console) shows(name, probe string) (latest told, stands bool) {
	for _, e := range c.all() {
		if e.name == name && e.probe == probe {
			latest, stands = e, !e.clear
		}
	}
	return latest, stands
}

// trapConsole reads the log of the script's snmptrapd, which has decoded what
// came with the names of our MIB.
func trapConsole(log string) console {
	return console{name: "snmptrapd", all: func() (all []told) {
		content, _ := os.ReadFile(log)
		for line := range strings.Lines(string(content)) {
			values := map[string]string{}
			for binding := range strings.SplitSeq(strings.TrimSpace(line), "\t") {
				name, value, _ := strings.Cut(binding, " = ")
				_, value, _ = strings.Cut(value, ": ")
				values[name] = value
			}
			kind := values["SNMPv2-MIB::snmpTrapOID.0"]
			if kind != "IDP-EXPORTER-MIB::idpAlarmRaise" && kind != "IDP-EXPORTER-MIB::idpAlarmClear" {
				continue
			}
			get := func(object string) string { return values["IDP-EXPORTER-MIB::idpAlarm"+object+".0"] }
			all = append(all, told{clear: strings.HasSuffix(kind, "Clear"), id: get("Id"), name: get("Name"), probe: get("Probe"), severity: get("Severity"),
				text: get("Text"), target: get("Target"), runbook: get("Runbook")})
		}
		return all
	}}
}

// kept keeps what a receiver of ours was told.
type kept struct {
	mu  sync.Mutex
	all []told
}

func (k *kept) add(e told) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, e)
}

func (k *kept) copy() []told {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]told(nil), k.all...)
}

// eifConsole is a receiver of EIF as strict as the format is known: a header of
// 36 bytes, the class, slots, and the end that every event has.
func eifConsole(t *testing.T) console {
	t.Helper()
	var k kept
	address := listen(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			slots, err := eifEvent(r)
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Errorf("EIF: %v", err)
				return
			}
			if slots["alarm_state"] != "heartbeat" {
				k.add(told{clear: slots["alarm_state"] == "clear", id: slots["alarm_id"], name: slots["alarm_name"], probe: slots["alarm_probe"],
					severity: slots["severity"], text: slots["msg"], target: slots["hostname"], also: slots["class"] + " " + slots["source"], runbook: slots["alarm_runbook"]})
			}
		}
	})
	return console{"EIF", k.copy, "  - {name: eif, kind: eif, servers: ['" + address + "']}\n"}
}

var eifSlot = regexp.MustCompile(`([a-z_]+)=('[^']*'|[^';]+);`)

// eifEvent reads one event; its class counts as a slot.
func eifEvent(r io.Reader) (map[string]string, error) {
	header := make([]byte, 36)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	length := bytesof.BigEndian.Uint32(header[28:])
	if string(header[:8]) != "<START>>" || length > 1<<16 {
		return nil, fmt.Errorf("header % x", header)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	rest, ended := strings.CutSuffix(string(body), "END\n\x01")
	class, rest, _ := strings.Cut(rest, ";")
	slots := map[string]string{"class": class}
	for _, m := range eifSlot.FindAllStringSubmatch(rest, -1) {
		slots[m[1]] = strings.Trim(m[2], "'")
	}
	if !ended || eifSlot.ReplaceAllString(rest, "") != "" || class == "" {
		return nil, fmt.Errorf("not an event: %q", body)
	}
	return slots, nil
}

// syslogConsole is a real rsyslogd that takes the structured data apart.
func syslogConsole(t *testing.T) console {
	t.Helper()
	rsyslogd := counterpart(t, "rsyslogd")
	dir, port := t.TempDir(), freePort(t)
	out := filepath.Join(dir, "out.log")
	config := writeFile(t, dir, "rsyslog.conf", fmt.Sprintf(`global(workDirectory="%[1]s" maxMessageSize="64k")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="all" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="sd" name="$!rfc5424-sd" format="jsonf")
}
ruleset(name="in") {
  action(type="mmpstrucdata")
  action(type="omfile" file="%[2]s" template="all")
}
input(type="imtcp" address="127.0.0.1" port="%[3]s" ruleset="in")
`, dir, out, port))
	args := []string{"-n", "-f", config, "-i", filepath.Join(dir, "pid")}
	cmd := exec.Command(rsyslogd)
	if modules, _ := filepath.Glob(filepath.Join(filepath.Dir(rsyslogd), "../lib/*/rsyslog")); len(modules) > 0 {
		args = append(args, "-M", modules[0])
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Dir(modules[0]))
	}
	cmd.Args = append(cmd.Args, args...)
	startCommand(t, cmd)
	eventually(t, 20*time.Second, func() error {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return console{"rsyslogd", func() (all []told) {
		content, _ := os.ReadFile(out)
		for line := range strings.Lines(string(content)) {
			var r struct{ Pri, ID, Msg, SD string }
			var elements map[string]map[string]string
			if json.Unmarshal([]byte(line), &r) != nil || json.Unmarshal([]byte(r.SD), &elements) != nil || r.ID != "raise" && r.ID != "clear" {
				continue // a heartbeat, or a line that is still being written
			}
			alarm := elements["idpalarm@32473"]
			all = append(all, told{clear: r.ID == "clear", id: alarm["id"], name: alarm["name"], probe: alarm["probe"], severity: r.Pri, text: r.Msg,
				target: elements["alarm"]["resource"], also: elements["alarm"]["perceivedseverity"], runbook: alarm["runbook"]})
		}
		return all
	}, "  - {name: syslog, kind: syslog, address: 'tcp://127.0.0.1:" + port + "'}\n"}
}

// omnibusConsole takes webhooks of Alertmanager's form, as OMNIbus's Message Bus
// probe does with its stock Prometheus rules, and refuses what is none.
func omnibusConsole(t *testing.T) console {
	t.Helper()
	var k kept
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, heartbeat, err := omnibusEvent(r)
		switch {
		case err != nil:
			t.Errorf("webhook: %v", err)
		case !heartbeat:
			k.add(e)
		}
	}))
	t.Cleanup(server.Close)
	return console{"OMNIbus webhook", k.copy, "  - {name: omnibus, kind: webhook, template: alertmanager, url: '" + server.URL + "/probe/webhook/prometheus'}\n"}
}

func omnibusEvent(r *http.Request) (e told, heartbeat bool, err error) {
	var body struct {
		Version, Status, Receiver, GroupKey, ExternalURL string
		TruncatedAlerts                                  *int
		GroupLabels, CommonLabels, CommonAnnotations     map[string]string
		Alerts                                           []struct {
			Status                    string
			Labels, Annotations       map[string]string
			StartsAt, EndsAt          time.Time
			GeneratorURL, Fingerprint string
		}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return told{}, false, err
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || body.Version != "4" || body.GroupKey == "" ||
		body.TruncatedAlerts == nil || len(body.Alerts) != 1 || body.Status != body.Alerts[0].Status {
		return told{}, false, fmt.Errorf("not of Alertmanager's form: %+v", body)
	}
	a := body.Alerts[0]
	if a.Labels["severity"] == "none" {
		return told{}, true, nil
	}
	for _, label := range []string{"alertname", "instance", "job", "severity", "alarm_id"} {
		if a.Labels[label] == "" {
			return told{}, false, fmt.Errorf("no label %s: %v", label, a.Labels)
		}
	}
	resolved := a.Status == "resolved"
	if a.Annotations["description"] == "" || len(a.Fingerprint) != 16 || a.StartsAt.IsZero() || a.EndsAt.IsZero() == resolved || !resolved && a.Status != "firing" {
		return told{}, false, fmt.Errorf("not an alert of Alertmanager's form: %+v", a)
	}
	return told{clear: resolved, id: a.Labels["alarm_id"], name: a.Labels["alertname"], probe: a.Labels["probe"], severity: a.Labels["severity"],
		text: a.Annotations["description"], target: a.Labels["instance"], also: a.Labels["job"], runbook: a.Annotations["runbook_url"]}, false, nil
}
