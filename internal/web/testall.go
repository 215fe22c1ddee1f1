package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// testall answers "can people sign in?": 200 OK or, by default, 503 FAIL. Load balancers
// ask it all day long, so the bare question takes the shortest way.
func (s *Server) testall(w http.ResponseWriter, r *http.Request, g access.Grant) {
	code := s.answerTestall(w, r, g)
	s.options.Testall.CountTestall(code)
}

func (s *Server) answerTestall(w http.ResponseWriter, r *http.Request, g access.Grant) int {
	detailed := g.Scopes.Has(access.Testall)
	if r.URL.RawQuery == "" && (!detailed || len(r.Header["Accept"]) == 0) {
		if node := nodeOf(r.Context()); node != "" {
			return s.writeNode(w, meant(node))
		}
		return s.writeVerdict(w, s.options.State.Verdict().OK)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refused(w, http.StatusBadRequest, "the query cannot be read")
	}
	if meant := misspelled(query); meant != "" {
		return refused(w, http.StatusBadRequest, "unknown parameter; was "+meant+"= meant? /testall knows "+strings.Join(parameters(), "=, ")+"=")
	}
	if (query.Has("probe") || query.Has("exclude")) && !g.Scopes.Has(access.Testall) {
		return s.refuseNarrowing(w, g)
	}
	cluster, err := asksCluster(query)
	if err != nil {
		return refused(w, http.StatusBadRequest, err.Error())
	}
	if node := nodeOf(r.Context()); node != "" && !query.Has("node") && !cluster {
		query.Set("node", node)
	}
	sel, err := selectionOf(query)
	if err != nil {
		return refused(w, http.StatusBadRequest, err.Error())
	}
	asJSON := detailed && asksFor(r, typeJSON, typeHealth)
	verbose := detailed && asksVerbose(query)
	switch node, alone := sel.alone(); {
	case asJSON || verbose:
		return s.writeReport(w, sel, cluster, asJSON)
	case cluster:
		return s.writeVerdict(w, s.clusterVerdict().OK)
	case alone:
		return s.writeNode(w, node)
	case !sel.narrows():
		return s.writeVerdict(w, s.options.State.Verdict().OK)
	}
	rep, err := s.ask(sel)
	if err != nil {
		return refused(w, http.StatusNotFound, err.Error())
	}
	return s.writeVerdict(w, rep.OK)
}

// writeReport writes the answer with its details.
func (s *Server) writeReport(w http.ResponseWriter, sel selection, cluster, asJSON bool) int {
	rep, err := s.ask(sel)
	if err == nil && sel.probes == nil && len(sel.nodes) > 0 && ungated(rep.Verdict) {
		err = errNoNode
	}
	if err != nil {
		return refused(w, http.StatusNotFound, err.Error())
	}
	if cluster {
		rep.join(s.clusterVerdict())
	}
	code := s.statusOf(rep.OK)
	if asJSON {
		writeJSON(w, code, typeHealth, healthDocument(rep, s.options.Version, time.Now()))
	} else {
		writeText(w, code, verboseText(rep, time.Now()))
	}
	return code
}

// writeNode writes the bare answer for one node. It looks at no list of names,
// since anybody may ask it where /testall is open: a node that no gating probe
// runs on is none.
func (s *Server) writeNode(w http.ResponseWriter, node string) int {
	v := s.options.State.NodeVerdict(node)
	if ungated(v) {
		return refused(w, http.StatusNotFound, errNoNode.Error())
	}
	return s.writeVerdict(w, v.OK)
}

// ungated tells whether a verdict rests on nothing.
func ungated(v state.Verdict) bool {
	return !v.OK && !v.Drained && len(v.Reasons) == 1 && v.Reasons[0] == state.NoProbeGates
}

func refused(w http.ResponseWriter, code int, text string) int {
	refuse(w, code, text)
	return code
}

func (s *Server) refuseNarrowing(w http.ResponseWriter, g access.Grant) int {
	d := forbidden(access.Testall)
	if !g.Known {
		d = unauthorized(g.Shown)
	}
	d.write(w, false)
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

type nodeKey struct{}

// withNode makes the requests of a listener about one node.
func withNode(ctx context.Context, node string) context.Context {
	if node == "" {
		return ctx
	}
	return context.WithValue(ctx, nodeKey{}, node)
}

// nodeOf returns the node that the request's listener speaks of, as lists spell
// it; "" if it speaks of the whole.
func nodeOf(ctx context.Context) string {
	node, _ := ctx.Value(nodeKey{}).(string)
	return node
}
