package snmp

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// said returns the line of the log that tells of an id.
func said(t testing.TB, log, id string) string {
	t.Helper()
	for line := range strings.Lines(log) {
		if strings.Contains(line, "idpAlarmId.0 = STRING: "+id+"\t") {
			return line
		}
	}
	t.Fatalf("nothing of %s in %s", id, log)
	return ""
}

const wholeAlarm = "IDP-EXPORTER-MIB::idpAlarmName.0 = STRING: login\t" +
	"IDP-EXPORTER-MIB::idpAlarmSeverity.0 = INTEGER: major(4)\t" +
	"IDP-EXPORTER-MIB::idpAlarmTarget.0 = STRING: keycloak\t" +
	"IDP-EXPORTER-MIB::idpAlarmText.0 = STRING: step token: größer als 5 s €\t" +
	"IDP-EXPORTER-MIB::idpAlarmTime.0 = STRING: 2026-11-24,3:4:5.0,+0:0\t" +
	"IDP-EXPORTER-MIB::idpAlarmSequence.0 = Gauge32: 17\t" +
	"IDP-EXPORTER-MIB::idpAlarmProbe.0 = STRING: login\t" +
	"IDP-EXPORTER-MIB::idpAlarmNode.0 = STRING: n1\t" +
	"IDP-EXPORTER-MIB::idpAlarmReason.0 = STRING: timeout\t" +
	"IDP-EXPORTER-MIB::idpAlarmRunbook.0 = STRING: https://example.com/runbook\n"

func TestRealReceiverDecodesV1AndV2c(t *testing.T) {
	t.Parallel()
	r := trapd(t, "authCommunity log,net s3cret\n", "", netsnmp.Port(t))
	community := secret.New("s3cret")
	all := open(t, "", nil,
		Destination{Name: "v1", Address: r.Address, Version: "v1", Community: community},
		Destination{Name: "trap", Address: r.Address, Community: community},
		Destination{Name: "inform", Address: r.Address, Community: community, Inform: true},
	)
	for _, d := range all {
		require.Equal(t, d.Name == "inform", d.Acknowledged)
		deliver(t, d, raised("a-"+d.Name))
		clearing := raised("c-" + d.Name)
		clearing.Kind, clearing.Alarm.Severity = bridges.Clear, bridges.Cleared
		deliver(t, d, clearing)
		deliver(t, d, bridges.Event{Kind: bridges.Heartbeat, Alarm: bridges.Alarm{ID: "h-" + d.Name, Name: "idp_exporter", Severity: probes.Cleared}})
	}
	log := r.Wait("h-v1", "h-trap", "h-inform")
	for _, d := range []string{"trap", "inform"} {
		for id, event := range map[string]string{"a-": "AlarmRaise", "c-": "AlarmClear", "h-": "Heartbeat"} {
			line := said(t, log, id+d)
			require.Regexp(t, `^DISMAN-EVENT-MIB::sysUpTimeInstance = |^SNMPv2-MIB::sysUpTime\.0 = Timeticks: \(36\d{4}\) 1:0`, line, "hundredths of a second since the start, an hour ago")
			require.Contains(t, line, "\tSNMPv2-MIB::snmpTrapOID.0 = OID: IDP-EXPORTER-MIB::idp"+event+"\tIDP-EXPORTER-MIB::idpAlarmId.0 = STRING: "+id+d+"\t")
		}
		require.True(t, strings.HasSuffix(said(t, log, "a-"+d), wholeAlarm), said(t, log, "a-"+d))
		require.Contains(t, said(t, log, "c-"+d), "cleared(1)")
	}
	require.True(t, strings.HasSuffix(said(t, log, "a-v1"), "\tIDP-EXPORTER-MIB::idpAlarmId.0 = STRING: a-v1\t"+wholeAlarm))
	require.Regexp(t, `TRAP, SNMP v1, community s3cret\n\tIDP-EXPORTER-MIB::idpExporterMIB Enterprise Specific Trap \(IDP-EXPORTER-MIB::idpAlarmRaise\) Uptime: 1:0`, log)
	require.Contains(t, log, "localhost [127.0.0.1]", "the agent address")
}

func TestWrongCommunity(t *testing.T) {
	t.Parallel()
	r := trapd(t, "authCommunity log right\n", "", netsnmp.Port(t))
	no := 0
	all := open(t, "", nil,
		Destination{Name: "trap", Address: r.Address, Community: secret.New("wrong-one")},
		Destination{Name: "right", Address: r.Address, Community: secret.New("right")},
		Destination{Name: "inform", Address: r.Address, Community: secret.New("wrong-one"), Inform: true, Timeout: 500e6, Retries: &no},
	)
	deliver(t, all[0], raised("unheard"))
	deliver(t, all[1], raised("heard"))
	err := all[2].Deliverer.Deliver(t.Context(), raised("unheard"))
	if err != nil { // a receiver may acknowledge what it then does not log
		require.NotContains(t, err.Error(), "wrong-one")
	}
	require.NotContains(t, r.Wait("heard"), "STRING: unheard")
}

// However long the texts, all variables arrive, in order, within the size and
// without a torn character.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	r := trapd(t, "authCommunity log public\n", "", netsnmp.Port(t))
	for _, size := range []int{minSize, 700, defaultSize} {
		for _, version := range []string{"v1", "v2c"} {
			id := "long-" + version + strings.Repeat("x", size/100)
			e := raised(id)
			e.Alarm.Text = strings.Repeat("zu groß €\n", 1000)
			e.Alarm.Name, e.Alarm.Target = strings.Repeat("Nä", 200), strings.Repeat("Tö", 200)
			e.Alarm.Runbook = "https://example.com/" + strings.Repeat("r", 200)
			deliver(t, open(t, "", nil, Destination{Address: r.Address, Version: version, MaxSize: size})[0], e)
			line := said(t, r.Wait(id), id)
			require.True(t, utf8.ValidString(line))
			require.NotContains(t, line, "\uFFFD")
			fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			require.Len(t, fields[len(fields)-11:], 11)
			require.Regexp(t, `idpAlarmText\.0 = STRING: .*…$|idpAlarmText\.0 = STRING: $`, fields[len(fields)-7])
			require.Contains(t, fields[len(fields)-1], "idpAlarmRunbook.0 = STRING: ")
		}
	}
}
