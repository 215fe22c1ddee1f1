package preset

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// WellKnown is where a discovery document lies below its issuer (OpenID Connect
// Discovery 1.0, section 4).
const WellKnown = "/.well-known/openid-configuration"

// Document is what a discovery document says of a provider (OpenID Connect
// Discovery 1.0, section 3). Its URLs are absolute ones of http or https, or empty.
type Document struct {
	Issuer                                            string
	Authorization, Token, JWKS, Userinfo, Device, MFA string
	// AuthMethods are the ways in which clients authenticate at Token.
	AuthMethods []string
}

// ErrNoDocument tells that what was read is no discovery document.
var ErrNoDocument = errors.New("not a discovery document")

// ParseDocument reads a discovery document. It forgives what it has no use for.
// Errors are ErrNoDocument with what is wrong.
func ParseDocument(content []byte) (Document, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(content, &raw); err != nil || raw == nil {
		return Document{}, fmt.Errorf("%w: not a JSON object", ErrNoDocument)
	}
	d := Document{}
	for key, into := range map[string]*string{
		"issuer": &d.Issuer, "authorization_endpoint": &d.Authorization, "token_endpoint": &d.Token, "jwks_uri": &d.JWKS,
		"userinfo_endpoint": &d.Userinfo, "device_authorization_endpoint": &d.Device, "mfa_challenge_endpoint": &d.MFA,
	} {
		var text string
		if json.Unmarshal(raw[key], &text) == nil && isPlainURL(text) {
			*into = text
		}
	}
	_ = json.Unmarshal(raw["token_endpoint_auth_methods_supported"], &d.AuthMethods) // none is fine
	switch {
	case d.Issuer == "":
		return d, fmt.Errorf("%w: it has no issuer that is a URL", ErrNoDocument)
	case d.JWKS == "":
		return d, fmt.Errorf("%w: it has no jwks_uri", ErrNoDocument)
	case d.Authorization == "" || d.Token == "":
		return d, fmt.Errorf("%w: it has no authorization_endpoint and token_endpoint, so nobody can sign in by it", ErrNoDocument)
	}
	return d, nil
}

// maxURL bounds a URL of a document, in bytes.
const maxURL = 2000

func isPlainURL(text string) bool {
	if len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar }) {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
}
