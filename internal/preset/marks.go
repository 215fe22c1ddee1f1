package preset

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

var realm = regexp.MustCompile(`/realms/[^/]+$`)

// Recognize tells by a discovery document which preset is its provider's, and by
// which mark. The appliance cannot be told from Auth0 in this way. Generic is
// what has no mark.
func Recognize(d Document) (name, mark string) {
	issuer := strings.TrimSuffix(d.Issuer, "/")
	path := func(text string) string {
		u, err := url.Parse(text)
		if err != nil {
			return ""
		}
		return u.Path
	}
	host := ""
	if u, err := url.Parse(d.Issuer); err == nil {
		host = u.Hostname()
	}
	switch authorize, token, keys := path(d.Authorization), path(d.Token), path(d.JWKS); {
	case realm.MatchString(path(issuer)) && strings.HasSuffix(token, "/protocol/openid-connect/token"):
		return Keycloak, "an issuer below /realms and endpoints below /protocol/openid-connect"
	case strings.HasSuffix(token, "/application/o/token/"):
		return Authentik, "the token endpoint /application/o/token/"
	case strings.HasSuffix(token, "/oauth/v2/token") && strings.HasSuffix(path(d.Userinfo), "/oidc/v1/userinfo"):
		return ZITADEL, "the endpoints /oauth/v2/token and /oidc/v1/userinfo"
	case strings.HasSuffix(token, "/oauth2/token") && strings.HasSuffix(authorize, "/oauth2/auth") && strings.HasSuffix(keys, "/.well-known/jwks.json"):
		return Hydra, "the endpoints /oauth2/auth and /oauth2/token"
	case below(host, "auth0.com"):
		return Auth0, "an issuer below auth0.com"
	case d.MFA != "" && token == "/oauth/token" && authorize == "/authorize" && keys == "/.well-known/jwks.json":
		return Auth0, "the endpoints /oauth/token and /mfa/challenge"
	case d.Authorization == issuer+"/auth" && d.Token == issuer+"/token" && d.JWKS == issuer+"/keys" && d.Device == issuer+"/device/code":
		return Dex, "the endpoints /auth, /token, /keys and /device/code below the issuer"
	}
	return Generic, ""
}

// Origins lists the origins other than the issuer's that a document leads to,
// each once: the login page's and the keys'.
func (d Document) Origins() []string {
	var all []string
	seen := map[string]bool{originOf(d.Issuer): true}
	for _, text := range []string{d.Authorization, d.Token, d.JWKS} {
		if o := originOf(text); o != "" && !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	return all
}

func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return fetch.Origin(u)
}
