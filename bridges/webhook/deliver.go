package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/internal/dial"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

const (
	// maxAnswer is how much of an answer is read, in bytes; shown is how much
	// of it an error repeats.
	maxAnswer = 64 << 10
	shown     = 300
	// idle is how long a connection is kept without use. Many a firewall
	// forgets them after a minute.
	idle = 30 * time.Second
)

// deliverer makes and sends requests. It is used by one goroutine.
type deliverer struct {
	options   Options
	setting   bridges.Setting
	format    *format
	transport *http.Transport
	client    *http.Client
	session   session // nil if there is none to be fetched
}

func newDeliverer(o *Options, s bridges.Setting, f *format) (*deliverer, error) {
	conf, err := dial.TLS(o.TLS)
	if err != nil {
		return nil, err
	}
	proxy, err := fetch.Options{Proxy: o.Proxy, ProxyPassword: o.ProxyPassword}.ProxyFunc()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: proxy, DialContext: (&net.Dialer{}).DialContext, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: fetch.DefaultMaxHeader, IdleConnTimeout: idle, MaxIdleConnsPerHost: 2, DisableCompression: true,
	}
	d := &deliverer{options: *o, setting: s, format: f, transport: transport, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	switch {
	case o.OAuth2 != nil:
		d.session = &tokens{options: o.OAuth2, client: d.client}
	case f.modifyToken:
		// A jar fails only for a bad public suffix list, and we give none.
		d.client.Jar, _ = cookiejar.New(nil)
		d.session = &modifyToken{options: o, format: f, client: d.client}
	}
	return d, nil
}

// Deliver implements bridges.Deliverer.
func (d *deliverer) Deliver(ctx context.Context, e bridges.Event) error {
	if e.Kind == bridges.Heartbeat && !d.options.heartbeat(d.format) {
		return nil
	}
	m, err := d.options.message(d.setting, d.format, e)
	if err != nil {
		return d.clean(err, nil)
	}
	body, header, err := d.format.body(m)
	switch {
	case err != nil:
		return bridges.Permanent(d.clean(err, nil))
	case len(body) > d.options.MaxBytes:
		return bridges.Permanent(fmt.Errorf("the body would have %d bytes, max_bytes allows %d", len(body), d.options.MaxBytes))
	}
	u, err := d.options.address(d.format)
	if err != nil {
		return d.clean(err, nil)
	}
	err = d.send(ctx, u, header, body)
	if err != nil && d.session != nil && refused(err) {
		// What was fetched may have ended; once, another is fetched.
		d.session.forget()
		err = d.send(ctx, u, header, body)
	}
	return d.clean(err, u)
}

// statusError is an answer that does not accept.
type statusError struct {
	code int
	said string
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("answered %d", e.code)
	if name := http.StatusText(e.code); name != "" {
		text += " " + name
	}
	if e.code/100 == 3 {
		text += ", a redirect, which is not followed; set the URL that it leads to"
	}
	if e.said != "" {
		text += ": " + e.said
	}
	return text
}

func refused(err error) bool {
	var s *statusError
	return errors.As(err, &s) && (s.code == http.StatusUnauthorized || s.code == http.StatusForbidden)
}

func (d *deliverer) send(ctx context.Context, u *url.URL, header http.Header, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	target := *u
	if d.format.path != "" {
		target.Path, target.RawPath = d.format.path, ""
	}
	method := d.options.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return errAddress
	}
	req.Header.Set("User-Agent", fetch.UserAgent)
	req.Header.Set("Content-Type", d.format.contentType)
	for k, v := range header {
		req.Header[k] = v
	}
	// Lets net/http send again on a new connection if a kept one has just been
	// closed. Being empty, it is not sent itself.
	req.Header["Idempotency-Key"] = []string{}
	if err := d.options.authorize(req, body); err != nil {
		return err
	}
	if d.session != nil {
		if err := d.session.authorize(ctx, req); err != nil {
			return err
		}
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return d.judge(resp)
}

// judge decides by the status alone; what else an answer says is for people.
func (d *deliverer) judge(resp *http.Response) error {
	accept, retry := d.options.Accept, d.options.Retry
	if len(accept) == 0 {
		accept = defaultAccept()
	}
	if len(retry) == 0 {
		retry = defaultRetry()
	}
	accepted, retried := find(accept, resp.StatusCode), find(retry, resp.StatusCode)
	if resp.StatusCode == http.StatusSwitchingProtocols { // its body is the bare connection
		return &statusError{code: resp.StatusCode}
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // a part is as good
	if accepted > 0 && accepted >= retried {
		return nil
	}
	err := error(&statusError{code: resp.StatusCode, said: string(said)})
	if retried > 0 {
		return later(err, resp.Header)
	}
	return bridges.Permanent(err)
}

// later adds how long the receiver asks to wait.
func later(err error, h http.Header) error {
	if after, ok := fetch.RetryAfter(h, time.Now()); ok && after > 0 {
		return bridges.Later(err, after)
	}
	return err
}

// bare takes the URL off an error of net/http.
func bare(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// failure is an error whose text is safe to show.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }

// Unwrap keeps what Permanent and Later have marked, and why a context ended.
func (f *failure) Unwrap() error { return f.err }

// clean removes everything secret from an error.
func (d *deliverer) clean(err error, u *url.URL) error {
	if err == nil {
		return nil
	}
	text := d.options.redactor(u, d.options.hidden(d.format), d.session).String(err.Error())
	if u != nil {
		text = fetch.Origin(u) + ": " + text
	}
	return &failure{bridges.Line(strings.TrimSpace(text), shown), err}
}

// hidden tells whether the URL itself is a secret.
func (o *Options) hidden(f *format) bool { return f.secretURL || o.source().hidden }

// Close implements bridges.Deliverer.
func (d *deliverer) Close() error {
	d.transport.CloseIdleConnections()
	return nil
}
