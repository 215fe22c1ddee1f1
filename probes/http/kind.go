// Package httpprobe is the probe kind `http`: one request, its redirects
// followed within bounds, and what is expected of the answer's status, headers,
// body and JSON.
//
// It owns the request, the redirects and the expectations. Connections, proxies
// and TLS belong to internal/fetch, expressions to internal/expect.
package httpprobe

import (
	"net/http"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
)

// The steps of a run are those of an exchange. A step that did not happen is not
// reported: an address needs no dns, plain HTTP no tls, a kept connection neither
// of them nor connect. With redirects each step adds up over all requests.
const stepRequest = exchange.StepRequest

// Kind returns the kind `http`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:       "http",
		Summary:    "Sends one HTTP request and checks the answer's status, headers, body and JSON.",
		Steps:      exchange.Steps(),
		NewOptions: func() probes.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options {
	return &Options{
		Common:          dial.Common{IPVersion: dial.Any},
		Method:          http.MethodGet,
		FollowRedirects: true,
		MaxRedirects:    5,
		MaxBody:         fetch.DefaultMaxBody,
		Status:          []Status{"2xx"},
	}
}
