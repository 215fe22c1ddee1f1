package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// session is a credential that was fetched and can end before its time.
type session interface {
	// authorize puts it into a request, fetching it first if there is none.
	authorize(ctx context.Context, req *http.Request) error
	// forget drops it.
	forget()
	// secrets are what errors must not have.
	secrets() []string
}

// authorize puts the operator's own headers and fixed credentials into a request.
func (o *Options) authorize(req *http.Request, body []byte) error {
	for k, v := range o.Headers {
		req.Header.Set(k, v)
	}
	for k, s := range o.SecretHeaders {
		v, err := s.Value()
		if err != nil {
			return err
		}
		req.Header.Set(k, v)
	}
	if o.BearerToken.IsSet() {
		token, err := o.BearerToken.Value()
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if err := o.basic(req); err != nil {
		return err
	}
	if o.HMAC == nil {
		return nil
	}
	key, err := o.HMAC.Secret.Value()
	if err != nil {
		return err
	}
	mac := hmac.New(o.HMAC.hash(), []byte(key))
	mac.Write(body)
	req.Header.Set(o.HMAC.header(), o.HMAC.prefix()+hex.EncodeToString(mac.Sum(nil)))
	return nil
}

func (o *Options) basic(req *http.Request) error {
	if o.Basic == nil {
		return nil
	}
	password, err := o.Basic.Password.Value()
	if err != nil {
		return err
	}
	req.SetBasicAuth(o.Basic.Username, password)
	return nil
}

func (h *HMAC) header() string {
	if h.Header == "" {
		return "X-Signature-256"
	}
	return h.Header
}

func (h *HMAC) hash() func() hash.Hash {
	switch h.Algorithm {
	case "", "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

func (h *HMAC) prefix() string {
	switch {
	case h.Prefix != nil:
		return *h.Prefix
	case h.Algorithm == "":
		return "sha256="
	}
	return h.Algorithm + "="
}

// redactor returns what removes everything secret from a text. It is made when
// one is needed: secrets change with their files.
func (o *Options) redactor(u *url.URL, hidden bool, s session) *secret.Redactor {
	r := &secret.Redactor{}
	if u != nil {
		r.Add(secretsOf(u, hidden)...)
	}
	all := []secret.Secret{o.RoutingKey, o.BearerToken, o.ProxyPassword}
	if o.Basic != nil {
		all = append(all, o.Basic.Password)
	}
	if o.OAuth2 != nil {
		all = append(all, o.OAuth2.ClientSecret)
	}
	if o.HMAC != nil {
		all = append(all, o.HMAC.Secret)
	}
	for _, s := range o.SecretHeaders {
		all = append(all, s)
	}
	for _, s := range all {
		if v, err := s.Value(); err == nil {
			r.Add(v)
		}
	}
	for k, v := range o.Headers {
		if carriesCredential(k) {
			r.Add(v)
			r.Add(strings.Fields(v)...) // such as the token of "Bearer token"
		}
	}
	if s != nil {
		r.Add(s.secrets()...)
	}
	return r
}

// tokens gets and keeps an access token.
type tokens struct {
	options *OAuth2
	client  *http.Client
	token   *oauth2.Token
}

func (t *tokens) authorize(ctx context.Context, req *http.Request) error {
	if !t.token.Valid() {
		key, err := t.options.ClientSecret.Value()
		if err != nil {
			return err
		}
		style := oauth2.AuthStyleInHeader
		if t.options.ClientAuth == "post" {
			style = oauth2.AuthStyleInParams
		}
		parameters := url.Values{}
		for k, v := range t.options.Parameters {
			parameters.Set(k, v)
		}
		conf := clientcredentials.Config{ClientID: t.options.ClientID, ClientSecret: key, TokenURL: t.options.TokenURL,
			Scopes: t.options.Scopes, AuthStyle: style, EndpointParams: parameters}
		token, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
		if err != nil {
			return tokenError(err)
		}
		t.token = token
	}
	t.token.SetAuthHeader(req)
	return nil
}

func (t *tokens) forget() { t.token = nil }

func (t *tokens) secrets() []string {
	if t.token == nil {
		return nil
	}
	return []string{t.token.AccessToken, t.token.RefreshToken}
}

// tokenError leaves out what a token endpoint says at length. It cuts nothing:
// a secret that lost its end would not be found and removed later.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		text := fmt.Errorf("the token endpoint answered %d %s", refused.Response.StatusCode, refused.ErrorCode)
		return later(text, refused.Response.Header)
	}
	return fmt.Errorf("no access token: %w", bare(err))
}
