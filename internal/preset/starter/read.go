package starter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/preset"
)

// get asks once, in a session of its own: nothing goes from one answer into the
// next question.
func (l *looker) get(ctx context.Context, address string) (*fetch.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", quote(address), err)
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	s := l.client.Session()
	defer s.Close()
	return s.Do(ctx, req)
}

func below(issuer string) string { return strings.TrimSuffix(issuer, "/") + preset.WellKnown }

// document reads the discovery document, or says why there is none and what to
// do about it.
func (l *looker) document(ctx context.Context) (preset.Document, error) {
	address := below(l.issuer.String())
	resp, err := l.get(ctx, address)
	if err != nil {
		return preset.Document{}, l.unreachable(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		return preset.Document{}, l.refused(ctx, address, resp)
	}
	d, err := preset.ParseDocument(resp.Content)
	if err != nil {
		return d, fmt.Errorf("what is at %s is %w; %s", address, err, l.elsewhere(ctx, "is the path right? A proxy's own page or a login portal in front answers so, too"))
	}
	if strings.TrimSuffix(d.Issuer, "/") != strings.TrimSuffix(l.issuer.String(), "/") {
		return d, fmt.Errorf("the document at %s says that the issuer is %s; try idp_exporter init %s, or, if users know the provider by %s, mend the public name in the provider's own settings",
			address, quote(d.Issuer), printable(d.Issuer), l.issuer)
	}
	return d, nil
}

// unreachable says what to do where there was no answer.
func (l *looker) unreachable(ctx context.Context, err error) error {
	origin := fetch.Origin(l.issuer)
	var plain tls.RecordHeaderError
	remedy := "look at what is there with a browser"
	switch fetch.Classify(err) {
	case fetch.PartDNS:
		remedy = fmt.Sprintf("check how %s is spelled, and the DNS of this machine", l.issuer.Hostname())
	case fetch.PartTLS:
		remedy = "look at the certificate; where its authority is your own, name it with --ca-file"
		if errors.As(err, &plain) {
			remedy = l.elsewhere(ctx, "is it the port of another service?")
		}
	case fetch.PartTimeout:
		remedy = fmt.Sprintf("is there a firewall between here and %s? Give more time with --timeout, or name a --proxy", origin)
	case fetch.PartProxy:
		remedy = "look at --proxy"
	case fetch.PartConnect, fetch.PartResponse:
		remedy = l.elsewhere(ctx, fmt.Sprintf("is the provider running, and is %s its host and port?", origin))
	case fetch.PartOwn:
		remedy = "this machine does not let us; look at its own firewall"
	case fetch.PartTooLarge:
		remedy = "no provider's document is that large; is the path right?"
	}
	return fmt.Errorf("%w; %s", err, remedy)
}

// refused says what to do about an answer other than 200.
func (l *looker) refused(ctx context.Context, address string, resp *fetch.Response) error {
	code := resp.StatusCode
	said := fmt.Sprintf("there is no discovery document at %s (%d)", address, code)
	switch {
	case code >= 300 && code < 400:
		return l.redirected(address, resp)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%s asks for a credential (%d); discovery is public: let the proxy or firewall in front pass it for this machine", address, code)
	case code == http.StatusTooManyRequests:
		return fmt.Errorf("%s is asked too often (%d); wait a minute and try again", address, code)
	case code >= 500:
		return fmt.Errorf("%s is there but ill (%d); mend the provider, or what stands in front of it, and try again", address, code)
	case strings.Contains(string(resp.Content), "Realm does not exist"):
		return fmt.Errorf("%s: Keycloak has no realm of this name; look at the realm's name, capital letters count", said)
	case strings.Contains(l.issuer.Path, "/realms/"):
		return fmt.Errorf("%s; %s", said, l.elsewhere(ctx, "is the realm's name right, capital letters included, and does this Keycloak want /auth in front of /realms?"))
	}
	return fmt.Errorf("%s; %s", said, l.elsewhere(ctx, "the issuer is the URL that the provider's settings call so, path included: "+
		"Keycloak's ends in /realms/REALM, authentik's in /application/o/NAME/, Dex's often in /dex"))
}

// redirected names where a redirect leads, which is not followed.
func (l *looker) redirected(address string, resp *fetch.Response) error {
	to, err := resp.Location()
	if err != nil || to.User != nil {
		return fmt.Errorf("%s redirects (%d) to nowhere; is the path right?", address, resp.StatusCode)
	}
	to.RawQuery, to.Fragment = "", ""
	if issuer, is := strings.CutSuffix(to.String(), preset.WellKnown); is {
		return fmt.Errorf("%s redirects (%d) to %s, and programs do not follow; try idp_exporter init %s", address, resp.StatusCode, quote(to.String()), printable(issuer))
	}
	return fmt.Errorf("%s redirects (%d) to %s, which is no discovery document; is the path right? A login portal in front redirects so, too", address, resp.StatusCode, quote(to.String()))
}

// elsewhere looks where the document may be instead, and says so; if it is
// nowhere it says what it was given.
func (l *looker) elsewhere(ctx context.Context, otherwise string) string {
	origin := fetch.Origin(l.issuer)
	other := *l.issuer
	if other.Scheme = "https"; l.issuer.Scheme == "https" {
		other.Scheme = "http"
	}
	for _, issuer := range []string{other.String(), origin, origin + "/realms/master", origin + "/auth/realms/master", origin + "/dex"} {
		if strings.TrimSuffix(issuer, "/") == strings.TrimSuffix(l.issuer.String(), "/") {
			continue
		}
		d, ok := l.there(ctx, issuer)
		if !ok {
			continue
		}
		if before, is := strings.CutSuffix(issuer, "/realms/master"); is {
			return fmt.Sprintf("this is a Keycloak: name the realm, as in idp_exporter init %s/realms/REALM", before)
		}
		return fmt.Sprintf("there is one of the issuer %s; try idp_exporter init %s", quote(d.Issuer), printable(issuer))
	}
	return otherwise
}

// there tells whether an issuer has a discovery document.
func (l *looker) there(ctx context.Context, issuer string) (preset.Document, bool) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	resp, err := l.get(ctx, below(issuer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return preset.Document{}, false
	}
	d, err := preset.ParseDocument(resp.Content)
	return d, err == nil
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9:/._~%\[\]-]+$`)

// printable returns a URL as it can be given to a shell.
func printable(text string) string {
	if harmless.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "%27") + "'"
}
