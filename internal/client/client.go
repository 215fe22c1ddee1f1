// Package client speaks to a running exporter for the command line: it drains
// nodes, puts them back and tells what is drained; it tries bridges, tells of
// their deliveries and replays dead letters.
//
// It owns the request, the limits and what the answers mean to the person at
// the keyboard. What a drain or an alarm is, it does not know
// (internal/maintenance, internal/alarm).
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// maxAnswer bounds an answer, in bytes: as many dead letters as are kept fit.
const maxAnswer = 16 << 20

// Options say where the exporter is and how to speak to it.
type Options struct {
	// URL is where it is found, such as http://127.0.0.1:9110. It is asked
	// directly: proxies of the environment are not used.
	URL string
	// Token is a token with the scope admin, or, to ask for alarms, page. An
	// exporter without an access section asks for none.
	Token secret.Secret
	// CAFile holds the certificates (PEM) that the exporter's has to be signed
	// by; empty means those of the system.
	CAFile string
	// Timeout bounds a request.
	Timeout time.Duration
}

// Client speaks to one exporter.
type Client struct {
	base  *url.URL
	token secret.Secret
	http  *http.Client
}

// New checks the options. It does not touch the network.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Hostname() == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the exporter's URL is to be such as http://127.0.0.1:9110")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	if o.CAFile != "" {
		content, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", o.CAFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &Client{base: base, token: o.Token, http: &http.Client{
		Transport: transport, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token stays here
	}}, nil
}

// question is one request.
type question struct {
	method, path string
	query        url.Values
	// scope is what it needs, about what an exporter that does not know the
	// route does not know.
	scope, about string
	// unsure says what to do where no answer came to what may have changed
	// something all the same; empty for what changes nothing.
	unsure string
}

// do sends a request and reads the answer into a value.
func (c *Client) do(ctx context.Context, q question, into any) error {
	target := c.base.JoinPath(q.path)
	target.RawQuery = q.query.Encode()
	req, err := http.NewRequestWithContext(ctx, q.method, target.String(), nil)
	if err != nil {
		return err
	}
	if c.token.IsSet() {
		token, err := c.token.Value()
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err, q)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err, q)
	}
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp, plain(body), q)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answered something that is not an exporter's: is the URL right?", c.base)
	}
	return nil
}

func (c *Client) unreachable(err error, q question) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the method and the URL
	}
	var authority x509.UnknownAuthorityError
	var network interface{ Timeout() bool }
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%s shows a certificate of an unknown authority; name its file with --ca-file: %w", c.base, err)
	case q.unsure != "" && errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%s did not answer in time, so the change may have been made or not; %s: %w", c.base, q.unsure, err)
	}
	return fmt.Errorf("%s cannot be reached; is the exporter running there? --url says where it is: %w", c.base, err)
}

func (c *Client) refusal(resp *http.Response, text string, q question) error {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%s does not know this token; make one with `idp_exporter token create --scope=%s`, "+
			"add its hash to access.tokens of the configuration and reload", c.base, q.scope)
	case code == http.StatusForbidden:
		return fmt.Errorf("%s refused, a token with the scope %s is needed: %s", c.base, q.scope, text)
	case code/100 == 3:
		return fmt.Errorf("%s points elsewhere, and the token is not sent there; give the URL of the exporter itself with --url", c.base)
	case code == http.StatusNotFound && strings.TrimSpace(text) == "not found":
		return fmt.Errorf("%s does not know %s: it is another program, or an older exporter", c.base, q.about)
	case code == http.StatusBadRequest, code == http.StatusNotFound:
		return errors.New(text)
	}
	return fmt.Errorf("%s answered %d: %s", c.base, resp.StatusCode, text)
}

// plain makes a foreign text fit for a terminal.
func plain(body []byte) string {
	const most = 2000
	if len(body) > most {
		body = body[:most]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u202e':
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(body), "")))
}
