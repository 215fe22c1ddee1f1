package ldapprobe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

type probe struct {
	*plan
	dialer *dial.Dialer
	every  time.Duration
}

// maxRead bounds what a server may send in one run, in bytes. In memory,
// hostile messages take some hundred times as much.
const maxRead = 256 << 10

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return &probe{pl, &dial.Dialer{Endpoint: dial.At(pl.host, pl.port, t), Version: o.IPVersion, MaxRead: maxRead}, t.Every}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	var redactor secret.Redactor
	r := probes.NewRun(redactor.String)
	return dial.Finish(r, p.run(ctx, r, &redactor), p.WarnSlowerThan)
}

func (p *probe) run(ctx context.Context, r *probes.Run, redactor *secret.Redactor) error {
	conn, err := p.dialer.Open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if p.StartTLS {
		if err := starttls.Ask(ctx, r, conn, "ldap", p.host); err != nil {
			return err
		}
	}
	if p.tls != nil {
		if err := conn.Secure(ctx, r, p.tls); err != nil {
			return err
		}
	}
	wire := &heard{Conn: conn}
	d := &directory{plan: p.plan, wire: wire, every: p.every, conn: ldap.NewConn(wire, p.tls != nil)}
	d.conn.Start()
	defer d.close()
	// The library waits for ever; the end of the run ends its connection.
	if p.BindDN != "" {
		password, err := p.Password.Value()
		redactor.Add(password)
		if err := r.Step(stepBind, func() error {
			if err != nil {
				return dial.Failure(ctx, err)
			}
			return d.bind(ctx, password)
		}); err != nil {
			return err
		}
	}
	return r.Step(stepSearch, func() error { return d.search(ctx, r) })
}

// directory is a server that is connected to.
type directory struct {
	*plan
	conn  *ldap.Conn
	wire  *heard
	every time.Duration
}

// close takes leave, and ends the connection first where that could hang.
func (d *directory) close() {
	_ = d.wire.Close()
	_ = d.conn.Close()
}

// failure gives an error its reason: that of the network if there was one, since
// the library tells of those in mere words.
func (d *directory) failure(ctx context.Context, what string, err error) error {
	var answer *ldap.Error
	if errors.As(err, &answer) && answer.ResultCode < ldap.ErrorNetwork {
		return d.refused(what, answer)
	}
	if code, text, ok := d.wire.notice(); ok {
		return probes.Failf(probes.ReasonUnexpectedReply, "%s: the server hung up with result %d, %s: %s", what, code, ldap.LDAPResultCodeMap[code], probes.Foreign(text, 300))
	}
	if network := d.wire.Err(); network != nil {
		return dial.Failure(ctx, fmt.Errorf("%s: %w", what, network))
	}
	if ctx.Err() != nil {
		return dial.Failure(ctx, ctx.Err())
	}
	return probes.Failf(probes.ReasonBadResponse, "%s: the server's answer is not LDAP: %s", what, probes.Foreign(err.Error(), 200))
}

// locked are the parts of diagnostic messages by which Active Directory tells of
// an account that is locked (775), disabled (533) or has an expired password (532).
var locked = regexp.MustCompile(`\bdata (775|533|532)\b`)

func (d *directory) refused(what string, e *ldap.Error) error {
	text := fmt.Sprintf("%s: the server answered with result %d, %s: %s", what, e.ResultCode, ldap.LDAPResultCodeMap[e.ResultCode], probes.Foreign(e.Error(), 300))
	switch e.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		reason := probes.ReasonCredentialsRefused
		if locked.MatchString(e.Error()) {
			reason = probes.ReasonLockedOut
		}
		return dial.Refused(reason, d.every, "%s", text)
	case ldap.LDAPResultInsufficientAccessRights:
		return probes.Failf(probes.ReasonAccessDenied, "%s", text)
	default:
		return probes.Failf(probes.ReasonUnexpectedReply, "%s", text)
	}
}

func (d *directory) bind(ctx context.Context, password string) error {
	if err := d.conn.Bind(d.BindDN, password); err != nil {
		return d.failure(ctx, "bind", err)
	}
	return nil
}

// search searches and judges what was found. Nothing found is quoted: entries
// hold what is nobody's business.
func (d *directory) search(ctx context.Context, r *probes.Run) error {
	names := []string{"1.1"} // no attributes (RFC 4511, 4.5.1.8)
	if len(d.attributes) > 0 {
		names = nil
		for _, a := range d.attributes {
			names = append(names, a.name)
		}
	}
	found, err := d.conn.Search(ldap.NewSearchRequest(d.BaseDN, d.scope, ldap.NeverDerefAliases, d.ask, 0, false, d.Filter, names, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) && d.MinEntries == 0:
		found, err = &ldap.SearchResult{}, nil // below what is not there is nothing
	case err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return d.failure(ctx, "search", err)
	}
	n, bounded, remedy := len(found.Entries), d.MaxEntries != nil, ""
	switch {
	case bounded && n > *d.MaxEntries:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s below %q finds more than %d entries", d.Filter, d.BaseDN, *d.MaxEntries)
	case err != nil && (n < d.MinEntries || bounded):
		return d.failure(ctx, "search", err)
	case n < d.MinEntries:
		return probes.Failf(probes.ReasonAnswerMismatch, "%s below %q finds %d entries, want %d or more", d.Filter, d.BaseDN, n, d.MinEntries)
	case err != nil && len(d.attributes) > 0: // a directory that has grown is none that is broken
		r.Unverified("the search finds more entries than the %d that were seen", n)
		remedy = "; there are more, so narrow the filter"
	}
	for _, a := range d.attributes {
		if !slices.ContainsFunc(found.Entries, func(e *ldap.Entry) bool {
			return slices.ContainsFunc(e.GetEqualFoldAttributeValues(a.name), a.pattern.MatchString)
		}) {
			return probes.Failf(probes.ReasonAnswerMismatch, "none of the %d entries found has a value of %s that matches %s%s", n, a.name, a.pattern, remedy)
		}
	}
	return nil
}
