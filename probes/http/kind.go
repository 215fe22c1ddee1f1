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
)

// The steps of a run. A step that did not happen is not reported: an address
// needs no dns, plain HTTP no tls, a kept connection neither of them nor
// connect. With redirects each step adds up over all requests.
const (
	stepDNS      = "dns"
	stepConnect  = "connect" // up to the proxy's consent, where there is a proxy
	stepTLS      = "tls"
	stepRequest  = "request"  // sending it and waiting for the first byte of the answer
	stepResponse = "response" // reading the answer and judging it
)

// Kind returns the kind `http`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:       "http",
		Summary:    "Sends one HTTP request and checks the answer's status, headers, body and JSON.",
		Steps:      []string{stepDNS, stepConnect, stepTLS, stepRequest, stepResponse},
		NewOptions: func() probes.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options {
	return &Options{
		Method:          http.MethodGet,
		FollowRedirects: true,
		MaxRedirects:    5,
		MaxBody:         fetch.DefaultMaxBody,
		Status:          []Status{"2xx"},
	}
}
