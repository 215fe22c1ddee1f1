package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// testall answers "can people sign in?": 200 OK or, by default, 503 FAIL. Load balancers
// ask it all day long, so the bare question takes the shortest way.
func (s *Server) testall(w http.ResponseWriter, r *http.Request, g access.Grant) {
	code := s.answerTestall(w, r, g)
	s.options.Testall.CountTestall(code)
}

func (s *Server) answerTestall(w http.ResponseWriter, r *http.Request, g access.Grant) int {
	detailed := g.Known && g.Scopes.Has(access.Testall)
	if r.URL.RawQuery == "" && (!detailed || len(r.Header["Accept"]) == 0) {
		return s.writeVerdict(w, s.options.State.Verdict().OK)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the query cannot be read")
		return http.StatusBadRequest
	}
	if (query.Has("probe") || query.Has("exclude")) && !g.Scopes.Has(access.Testall) {
		return s.refuseNarrowing(w, g)
	}
	sel, narrowed := selectionOf(query)
	asJSON := detailed && asksFor(r, typeJSON, typeHealth)
	verbose := detailed && query.Has("verbose") && query.Get("verbose") != "false"
	if !narrowed && !asJSON && !verbose {
		return s.writeVerdict(w, s.options.State.Verdict().OK)
	}
	verdict, entries, err := s.ask(sel)
	switch {
	case err != nil:
		refuse(w, http.StatusNotFound, err.Error())
		return http.StatusNotFound
	case asJSON:
		code := s.statusOf(verdict.OK)
		writeJSON(w, code, typeHealth, healthDocument(verdict, entries, s.options.Version, time.Now()))
		return code
	case verbose:
		code := s.statusOf(verdict.OK)
		writeText(w, code, verboseText(verdict, entries, time.Now()))
		return code
	default:
		return s.writeVerdict(w, verdict.OK)
	}
}

func (s *Server) refuseNarrowing(w http.ResponseWriter, g access.Grant) int {
	d := forbidden(access.Testall)
	if !g.Known {
		d = unauthorized(g.Shown)
	}
	d.write(w)
	return d.code
}

func (s *Server) statusOf(ok bool) int {
	if ok {
		return http.StatusOK
	}
	return int(s.failing.Load())
}

// SetFailingCode changes the status code of a failing verdict, from the next
// answer on: 503, or 500 or 520 for monitors that know no other.
func (s *Server) SetFailingCode(code int) { s.failing.Store(int32(code)) } //nolint:gosec // three digits

// writeVerdict writes the bare answer: exactly OK or FAIL. net/http adds the length.
func (s *Server) writeVerdict(w http.ResponseWriter, ok bool) int {
	w.Header()["Content-Type"] = s.fixed.text
	if ok {
		_, _ = io.WriteString(w, "OK")
		return http.StatusOK
	}
	code := s.statusOf(false)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, "FAIL")
	return code
}

// selection is what ?node=, ?probe= and ?exclude= ask for. A nil map asks for all.
type selection struct{ nodes, probes, exclude map[string]bool }

func selectionOf(query url.Values) (selection, bool) {
	sel := selection{names(query, "node"), names(query, "probe"), names(query, "exclude")}
	return sel, sel.nodes != nil || sel.probes != nil || sel.exclude != nil
}

// names reads a parameter that may be repeated and may hold commas; "" is a
// name too, that of the public node.
func names(query url.Values, key string) map[string]bool {
	if !query.Has(key) {
		return nil
	}
	set := make(map[string]bool)
	for _, v := range query[key] {
		for name := range strings.SplitSeq(v, ",") {
			set[name] = true
		}
	}
	return set
}

func (sel selection) keep(k state.Key) bool {
	return (sel.nodes == nil || sel.nodes[k.Node]) && (sel.probes == nil || sel.probes[k.Probe]) && !sel.exclude[k.Probe]
}

// ask narrows the verdict. A probe that gates nothing counts where it was
// asked for by name. The error is that of a name, or a combination, that does
// not exist; it does not repeat the name.
func (s *Server) ask(sel selection) (state.Verdict, []state.Entry, error) {
	nodes, known := make(map[string]bool), make(map[string]bool)
	var entries []state.Entry
	gates := false
	for _, e := range s.options.State.Snapshot() {
		nodes[e.Node], known[e.Probe] = true, true
		if sel.keep(e.Key) {
			entries = append(entries, e)
			gates = gates || e.Gates
		}
	}
	for _, p := range []struct {
		what          string
		wanted, known map[string]bool
	}{{"node", sel.nodes, nodes}, {"probe", sel.probes, known}, {"exclude", sel.exclude, known}} {
		for name := range p.wanted {
			if !p.known[name] {
				return state.Verdict{}, nil, fmt.Errorf("unknown name in %s=", p.what)
			}
		}
	}
	if len(entries) == 0 && sel.probes != nil {
		return state.Verdict{}, nil, fmt.Errorf("no such probe on such a node")
	}
	verdict := s.options.State.VerdictOf(func(spec state.Spec) bool { return sel.keep(spec.Key) })
	if sel.probes != nil {
		verdict = withUngated(verdict, entries, gates)
	}
	return verdict, entries, nil
}

// withUngated adds what probes that gate nothing say to the verdict of those
// that do, if any.
func withUngated(v state.Verdict, entries []state.Entry, gates bool) state.Verdict {
	if !gates {
		v = state.Verdict{Outcome: probes.Pass}
	}
	for _, e := range entries {
		if e.Gates || e.Verdict == probes.Pass {
			continue
		}
		outcome := e.Verdict
		if outcome == probes.Unknown {
			outcome = probes.Warn
		}
		v.Outcome = max(v.Outcome, outcome)
		v.Reasons = append(v.Reasons[:len(v.Reasons):len(v.Reasons)], e.Why)
	}
	v.OK = v.Outcome.OK()
	return v
}

// verboseText lists each probe on each node, for people.
func verboseText(v state.Verdict, entries []state.Entry, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", map[bool]string{true: "OK", false: "FAIL"}[v.OK])
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "VERDICT\tGATES\tPROBE\tNODE\tLAST\tAGE\tSTEP\tREASON\tDETAIL")
	for _, e := range entries {
		gates := "no"
		if e.Gates {
			gates = "yes"
		}
		f := flatten(e, now)
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			e.Verdict, gates, e.Probe, orDash(e.Node), f.last, f.age, orDash(f.step), orDash(string(f.reason)), orDash(f.detail))
	}
	_ = t.Flush()
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
