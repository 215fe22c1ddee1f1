package snmp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// names of protocols in net-snmp's configuration.
var netSNMP = map[string]string{
	"MD5": "MD5", "SHA": "SHA", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512",
	"DES": "DES", "AES": "AES", "AES192": "AES-192", "AES256": "AES-256", "AES192C": "AES-192-C", "AES256C": "AES-256-C",
}

// createUser makes a user of the receiver's own engine, and of the sender's
// where one is given.
func createUser(v V3, engine string) string {
	words := v.User
	if v.SecurityLevel != noAuth {
		words += fmt.Sprintf(" %s %s", netSNMP[v.AuthProtocol], authPassword)
	}
	if v.SecurityLevel == authPriv {
		words += fmt.Sprintf(" %s %s", netSNMP[v.PrivProtocol], privPassword)
	}
	out := "createUser " + words + "\n"
	if engine != "" {
		out += "createUser -e " + engine + " " + words + "\n"
	}
	level := map[string]string{noAuth: "noauth", authOnly: "auth", authPriv: "priv"}[v.SecurityLevel]
	return out + "authUser log " + v.User + " " + level + "\n"
}

// every is a user of each level and of each pair of protocols.
func every() []V3 {
	all := []V3{credentials(noAuth, "", "")}
	for _, auth := range []string{"MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"} {
		all = append(all, credentials(authOnly, auth, ""))
		for _, priv := range []string{"DES", "AES", "AES192", "AES256", "AES192C", "AES256C"} {
			all = append(all, credentials(authPriv, auth, priv))
		}
	}
	for i := range all {
		all[i].User = fmt.Sprintf("user%d", i)
	}
	return all
}

func TestV3InAllItsForms(t *testing.T) {
	t.Parallel()
	port := netsnmp.Port(t)
	address := "127.0.0.1:" + port
	var destinations []Destination
	for i, v := range every() {
		destinations = append(destinations,
			Destination{Name: fmt.Sprintf("t%d", i), Address: address, Version: "v3", V3: v},
			Destination{Name: fmt.Sprintf("i%d", i), Address: address, Version: "v3", V3: v, Inform: true})
	}
	folder := t.TempDir()
	all := open(t, folder, nil, destinations...)
	engine, boots, err := EngineID(folder, "consoles")
	require.NoError(t, err)
	require.EqualValues(t, 1, boots)
	require.Contains(t, all[0].Proof, engine)
	require.True(t, strings.HasPrefix(engine, "0x80007ed905"), "%s is not of enterprise 32473", engine)

	var configuration strings.Builder
	for _, v := range every() {
		configuration.WriteString(createUser(v, engine))
	}
	r := trapd(t, configuration.String(), "", port)
	var ids []string
	for i, d := range all {
		e := raised("id-" + d.Name + "-")
		deliver(t, d, e)
		ids = append(ids, "STRING: "+e.Alarm.ID)
		if i == len(all)-1 {
			deliver(t, d, raised("again")) // with what is known of the receiver by now
		}
	}
	log := r.Wait(append(ids, "again")...)
	for _, d := range all {
		line := said(t, log, "id-"+d.Name+"-")
		require.True(t, strings.HasSuffix(line, wholeAlarm), line)
	}
}

func TestRefusalsOfInforms(t *testing.T) {
	t.Parallel()
	right := credentials(authPriv, "SHA256", "AES")
	onlyAuth := credentials(authOnly, "SHA256", "")
	onlyAuth.User = "limited"
	r := trapd(t, createUser(right, "")+createUser(onlyAuth, ""), "", netsnmp.Port(t))
	wrongAuth, wrongPriv, unknown, level := right, right, right, onlyAuth
	wrongAuth.AuthPassword = secret.New("not-the-auth-password")
	wrongPriv.PrivPassword = secret.New("not-the-priv-password")
	unknown.User = "nobody"
	level.SecurityLevel, level.PrivPassword, level.PrivProtocol = authPriv, secret.New(privPassword), "AES"
	for _, c := range []struct {
		name, want string
		v3         V3
	}{
		{"wrong key", "signature of user probe wrong; compare auth_protocol and auth_password", wrongAuth},
		{"wrong priv key", "cannot decrypt|report .1.3.6.1.6.3.11", wrongPriv},
		{"unknown user", "does not know user nobody; create it", unknown},
		{"level", "does not take security level authPriv from user limited", level},
	} {
		no := 0
		d := open(t, "", nil, Destination{Address: r.Address, Version: "v3", Inform: true, V3: c.v3, Timeout: 2e9, Retries: &no})[0]
		err := d.Deliverer.Deliver(t.Context(), raised("refused"))
		require.Error(t, err, c.name)
		require.False(t, bridges.IsPermanent(err), "the receiver can be corrected")
		for _, s := range []string{authPassword, privPassword, "not-the"} {
			require.NotContains(t, err.Error(), s)
		}
		if c.name == "wrong priv key" { // what net-snmp says depends on what the garble looks like
			continue
		}
		require.ErrorContains(t, err, c.want, c.name)
	}
	deliver(t, open(t, "", nil, Destination{Address: r.Address, Version: "v3", Inform: true, V3: right})[0], raised("accepted"))
	require.NotContains(t, r.Wait("STRING: accepted"), "STRING: refused")
}

// What goes wrong with other senders: a receiver drops, without a word, what
// comes from an engine that it does not know or that starts anew.
func TestSenderRestarts(t *testing.T) {
	t.Parallel()
	folder, port := t.TempDir(), netsnmp.Port(t)
	v := credentials(authPriv, "SHA256", "AES")
	d := Destination{Address: "127.0.0.1:" + port, Version: "v3", V3: v}
	first := open(t, folder, nil, d)[0]
	engine, _, err := EngineID(folder, "consoles")
	require.NoError(t, err)
	r := trapd(t, createUser(v, engine), "", port)
	deliver(t, first, raised("first"))
	for i := range 5 { // restarted five times: all arrive
		deliver(t, open(t, folder, nil, d)[0], raised(fmt.Sprintf("restarted-%d", i)))
	}
	r.Wait("STRING: first", "restarted-0", "restarted-1", "restarted-2", "restarted-3", "restarted-4")
	_, boots, err := EngineID(folder, "consoles")
	require.NoError(t, err)
	require.EqualValues(t, 6, boots)

	// Stale: a file from a backup. This is what persistence is for.
	path := enginePath(folder, "consoles")
	now, err := readIdentity(path)
	require.NoError(t, err)
	require.NoError(t, writeIdentity(path, identity{now.id, 1}))
	deliver(t, open(t, folder, nil, d)[0], raised("stale"))

	// Unknown: a storage that was lost; loud.
	var log logged
	deliver(t, open(t, t.TempDir(), &log, d)[0], raised("unknown"))
	require.Contains(t, log.String(), "register it at every receiver")

	// Wrong key.
	wrong := d
	wrong.V3.AuthPassword = secret.New("not-the-auth-password")
	require.NoError(t, writeIdentity(path, identity{now.id, 10}))
	deliver(t, open(t, folder, nil, wrong)[0], raised("forged"))

	deliver(t, open(t, folder, nil, d)[0], raised("last"))
	got := r.Wait("STRING: last")
	for _, id := range []string{"stale", "unknown", "forged"} {
		require.NotContains(t, got, "STRING: "+id)
	}
}

func TestDamagedEngine(t *testing.T) {
	t.Parallel()
	folder, port := t.TempDir(), netsnmp.Port(t)
	v := credentials(authOnly, "SHA", "")
	d := Destination{Address: "127.0.0.1:" + port, Version: "v3", V3: v}
	open(t, folder, nil, d)
	before, _, err := EngineID(folder, "consoles")
	require.NoError(t, err)
	path := enginePath(folder, "consoles")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[20] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o600))
	var log logged
	all := open(t, folder, &log, d)
	after, boots, err := EngineID(folder, "consoles")
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	require.EqualValues(t, 1, boots)
	require.Contains(t, log.String(), "level=ERROR")
	require.Contains(t, log.String(), after)
	require.FileExists(t, path+".damaged")
	r := trapd(t, createUser(v, after), "", port)
	deliver(t, all[0], raised("registered"))
	r.Wait("STRING: registered")
}

// A receiver that restarts has another clock, one that lost its folder another
// engine. Informs get through at once.
func TestReceiverRestarts(t *testing.T) {
	t.Parallel()
	port, folder := netsnmp.Port(t), t.TempDir()
	v := credentials(authPriv, "SHA512", "AES256")
	configuration := createUser(v, "")
	d := open(t, "", nil, Destination{Address: "127.0.0.1:" + port, Version: "v3", V3: v, Inform: true})[0]
	s := d.Deliverer.(*sender)
	r := trapd(t, configuration, folder, port)
	deliver(t, d, raised("one"))
	known := s.peer
	require.NotEmpty(t, known.id)
	deliver(t, d, raised("two"))
	require.Equal(t, known.id, s.peer.id)
	r.Wait("STRING: one", "STRING: two")
	r.Stop()

	r = trapd(t, configuration, folder, port)
	deliver(t, d, raised("three"))
	require.Equal(t, known.id, s.peer.id, "the same engine")
	require.Greater(t, s.peer.boots, known.boots, "started again")
	r.Wait("STRING: three")
	r.Stop()

	r = trapd(t, configuration, t.TempDir(), port)
	deliver(t, d, raised("four"))
	require.NotEqual(t, known.id, s.peer.id, "another engine")
	r.Wait("STRING: four")

	// Our clock against theirs: half an hour off is noticed and mended.
	s.peer.seconds += 1800
	deliver(t, d, raised("five"))
	r.Wait("STRING: five")
}
