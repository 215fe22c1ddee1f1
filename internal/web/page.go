package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// style is the page's template and the policy that lets a browser apply the
// page's own style sheet and nothing else.
type style struct {
	page   *template.Template
	policy string
}

func newStyle() style {
	sum := sha256.Sum256([]byte(pageCSS))
	return style{
		page: template.Must(template.New("page").Parse(pageHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

type pageRow struct {
	state.Entry
	Last, Age, Step, Reason, Detail string
}

type pageData struct {
	CSS     template.CSS
	Version string
	Verdict state.Verdict
	Rows    []pageRow
	// Alarms are active; MoreAlarms tells of those that are left out.
	Alarms     []alarmRow
	MoreAlarms string
	// Drains and Windows are those in force, in words.
	Drains, Windows []string
	// Unhealthy are the exporter's own parts that do not do their work.
	Unhealthy []string
	Demo      bool
}

// page is a plain landing page: the verdict, the probes, where to go next.
func (s *Server) page(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	data := pageData{
		CSS: template.CSS(pageCSS), Version: s.options.Version, //nolint:gosec // our own style sheet
		Verdict: s.options.State.Verdict(), Demo: s.options.Switches != nil,
	}
	now := time.Now()
	data.Drains, data.Windows = s.inForce()
	data.Unhealthy = s.options.Unhealthy()
	data.Alarms, data.MoreAlarms = s.activeAlarms()
	for _, e := range s.options.State.Snapshot() {
		f := flatten(e, now)
		data.Rows = append(data.Rows, pageRow{e, f.last, f.age, f.step, string(f.reason), f.detail})
	}
	var b bytes.Buffer
	if err := s.style.page.Execute(&b, data); err != nil {
		s.log.Error("the page cannot be written", "err", err)
		refuse(w, http.StatusInternalServerError, "internal error")
		return
	}
	setPolicy(w.Header(), s.style.policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes())
}

// inForce tells of drains and open windows in a line each.
func (s *Server) inForce() (drains, windows []string) {
	for _, d := range s.options.Maintenance.Drains() {
		line := "node " + d.Node
		if d.Node == "" {
			line = "this exporter's own answer"
		}
		drains = append(drains, line+ends(d.Until, "until it is turned off"))
	}
	for _, w := range s.options.Maintenance.Windows() {
		if !w.Open {
			continue
		}
		line := w.Name
		if len(w.Nodes) > 0 {
			line += ", nodes " + listed(w.Nodes)
		}
		if len(w.Probes) > 0 {
			line += ", probes " + listed(w.Probes)
		}
		windows = append(windows, line+ends(w.End, "with no end in sight"))
	}
	return drains, windows
}

func ends(at time.Time, never string) string {
	if at.IsZero() {
		return " " + never
	}
	return " until " + at.UTC().Format("2006-01-02 15:04:05Z")
}
