package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheExporterIsToldWhatAlertmanagerWouldTell has alerts of the example's
// configuration fire in turn, and expects what Alertmanager tells of them: an end
// that comes while another alert inhibits is not told, one that comes with the end
// of the other is (test/alerts_inhibit_test.go shows both on the real one).
func TestTheExporterIsToldWhatAlertmanagerWouldTell(t *testing.T) {
	t.Parallel()
	const down, slow, node = "IdPSignInDown", "IdPLoginSlow", "IdPNodeOut"
	fires := func(from, to int) [2]int { return [2]int{from, to} }
	for _, tt := range []struct {
		name   string
		alerts map[string][2]int // seconds
		want   []string
	}{
		{"fires and ends", map[string][2]int{down: fires(0, 100)}, []string{"10 +IdPSignInDown", "130 -IdPSignInDown"}},
		{"fires again", map[string][2]int{down: fires(15, 30), node: fires(200, 300)}, []string{"25 +IdPSignInDown", "85 -IdPSignInDown", "210 +IdPNodeOut", "330 -IdPNodeOut"}},
		{"over before it is told", map[string][2]int{down: fires(15, 16)}, nil},
		{"joins the group", map[string][2]int{down: fires(0, 400), node: fires(15, 400)}, []string{"10 +IdPSignInDown", "70 +IdPNodeOut +IdPSignInDown", "430 -IdPNodeOut -IdPSignInDown"}},
		{"inhibited from the first", map[string][2]int{down: fires(0, 400), slow: fires(15, 300)}, []string{"10 +IdPSignInDown", "430 -IdPSignInDown"}},
		{"inhibited, then told", map[string][2]int{down: fires(0, 100), slow: fires(15, 300)}, []string{"10 +IdPSignInDown", "130 +IdPLoginSlow -IdPSignInDown", "310 -IdPLoginSlow"}},
		{"told, then inhibited, ends with the other", map[string][2]int{slow: fires(0, 300), down: fires(90, 300)}, []string{"10 +IdPLoginSlow", "130 +IdPSignInDown", "310 -IdPLoginSlow -IdPSignInDown"}},
		{"told, then inhibited, ends before the other", map[string][2]int{slow: fires(0, 200), down: fires(90, 400)}, []string{"10 +IdPLoginSlow", "130 +IdPSignInDown", "430 -IdPSignInDown"}},
		{"not ours", map[string][2]int{"SomethingElse": fires(0, 300)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			am, err := ReadAlertmanager("../../examples/alertmanager/alertmanager.yml")
			require.NoError(t, err)
			begin := At(0)
			var times []Firing
			for s := 0; s <= 600; s += 5 {
				now := Firing{At: begin.Add(time.Duration(s) * time.Second)}
				for name, when := range tt.alerts {
					if s >= when[0] && s < when[1] {
						now.Alerts = append(now.Alerts, Alert{"alertname": name, "severity": "critical", "provider": "acme", "job": "j", "instance": "i"})
					}
				}
				times = append(times, now)
			}
			var got []string
			for _, w := range am.Webhooks(times) {
				var body struct {
					Status string
					Alerts []struct {
						Status           string
						Labels           Alert
						StartsAt, EndsAt time.Time
					}
				}
				require.NoError(t, json.Unmarshal([]byte(w.Body), &body))
				var told []string
				for _, a := range body.Alerts {
					name := a.Labels["alertname"]
					require.Equal(t, begin.Add(time.Duration(tt.alerts[name][0])*time.Second), a.StartsAt.UTC())
					require.Equal(t, a.Status == "firing", a.EndsAt.IsZero())
					told = append(told, map[string]string{"firing": "+", "resolved": "-"}[a.Status]+name)
				}
				slices.SortFunc(told, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
				got = append(got, fmt.Sprintf("%.0f %s", w.At.Sub(begin).Seconds(), strings.Join(told, " ")))
			}
			require.Equal(t, tt.want, got)
		})
	}
}
