package exchange

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/idp-exporter/idp_exporter/probes"
)

// TestallReason is what is wrong with an answer to /testall, an appliance's or an
// exporter's, by its status code, by whether its body is OK, and by the components
// that the body calls down; "" if it says that all is well. Neither code nor body
// is believed alone: a proxy may answer 200 with a page of its own, or put an
// error's code over a good answer. Versions of the appliance answer 500 or 520,
// exporters 503.
func TestallReason(code int, ok bool, down []string) probes.Reason {
	switch {
	case len(down) > 0:
		return probes.ReasonReportedDown
	case code == http.StatusOK && ok:
		return ""
	case code == http.StatusOK, code >= 500 && ok:
		return probes.ReasonDisagreement
	case code >= 500:
		return probes.ReasonReportedDown
	default:
		return probes.ReasonHTTPStatus
	}
}

// maxDown bounds the components that are told of.
const maxDown = 16

// downLine is a line of a failing /testall, as the appliance's versions of 2016
// wrote it.
var downLine = regexp.MustCompile(`(?m)^\s*([A-Za-z0-9][A-Za-z0-9_.-]{0,39}) seems down\b`)

// ComponentsDown returns the names of the components that the body of an answer to
// /testall says are down, as they are written there, each once. They are a
// server's own words: text for people, never labels.
func ComponentsDown(body []byte) []string {
	var names []string
	for _, m := range downLine.FindAllSubmatch(body, 4*maxDown) {
		if name := string(m[1]); !slices.Contains(names, name) && len(names) < maxDown {
			names = append(names, name)
		}
	}
	return names
}
