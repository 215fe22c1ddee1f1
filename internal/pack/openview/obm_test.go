package openview

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/webhook"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// posted returns what the webhook bridge sends to an event web service.
func posted(t testing.TB, e bridges.Event) string {
	t.Helper()
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{Name: "secureModifyToken", Value: "token"})
			return
		}
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	o, ok := webhook.Kind().NewOptions().(*webhook.Options)
	require.True(t, ok)
	o.Template, o.URL = "obm", webhook.URL{Secret: secret.New(server.URL)}
	o.Basic = &webhook.Basic{Username: "u", Password: secret.New("p")}
	destinations, err := o.New(bridges.Setting{Name: "obm", Exporter: "exporter1"})
	require.NoError(t, err)
	require.NoError(t, destinations[0].Deliverer.Deliver(t.Context(), e))
	require.NoError(t, destinations[0].Deliverer.Close())
	return string(body)
}

// elements reads a document strictly into its elements with their texts, in
// their order; what stands between them is for the eye.
func elements(text string) ([][2]string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var all [][2]string
	for depth := 0; ; {
		token, err := d.Token()
		switch tok := token.(type) {
		case nil:
			if errors.Is(err, io.EOF) && depth == 0 {
				return all, nil
			}
			return nil, err
		case xml.StartElement:
			depth++
			if tok.Name.Space != "http://www.hp.com/2009/software/opr/data_model" {
				return nil, errors.New("another namespace: " + tok.Name.Space)
			}
			all = append(all, [2]string{tok.Name.Local})
		case xml.CharData:
			if depth == 2 {
				all[len(all)-1][1] += string(tok)
			}
		case xml.EndElement:
			depth--
		}
	}
}

// The examples are what the bridge sends, in the order of public ones.
func TestOBM(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	order := []string{"event", "title", "description", "severity", "state", "category", "application", "object", "key", "close_key_pattern", "related_ci_hints"}
	now := time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
	alarm := bridges.Alarm{ID: "login-n1-3f9c", Name: "login", Severity: probes.Major, Target: "shop (n1)", Text: "step token: timeout after 5 s", Raised: now}
	over := alarm
	over.Severity, over.Text = bridges.Cleared, "passes again"
	for name, e := range map[string]bridges.Event{
		"raise.xml":     {Kind: bridges.Raise, Time: now, Alarm: alarm},
		"clear.xml":     {Kind: bridges.Clear, Time: now, Alarm: over},
		"heartbeat.xml": {Kind: bridges.Heartbeat, Time: now, Alarm: bridges.Alarm{Name: "heartbeat", Severity: bridges.Cleared, Target: "exporter1", Text: "idp_exporter is alive"}},
	} {
		want, err := elements(posted(t, e))
		require.NoError(t, err)
		got, err := elements(string(files["obm/"+name]))
		require.NoError(t, err)
		require.Equal(t, want, got, name)
		last := -1
		for _, one := range got {
			at := slices.Index(order, one[0])
			require.Greater(t, at, last, one[0])
			last = at
		}
	}
	// The table of severities is what is sent.
	for _, s := range probes.Severities() {
		e := bridges.Event{Kind: bridges.Raise, Time: now, Alarm: alarm}
		e.Alarm.Severity = s
		got, err := elements(posted(t, e))
		require.NoError(t, err)
		require.Equal(t, [2]string{"severity", bridges.ConsoleOf(s).OpenView}, got[3])
		require.Contains(t, string(files["obm/mapping.md"]), " "+bridges.ConsoleOf(s).OpenView+" |")
	}
	for _, broken := range []string{"<event", "<event/>", `<event xmlns="http://www.hp.com/2009/software/opr/data_model"><title></event>`} {
		_, err := elements(broken)
		require.Error(t, err)
	}
}
