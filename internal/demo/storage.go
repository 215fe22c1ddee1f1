package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	codeLifetime = time.Minute // RFC 6749 section 4.1.2 recommends 10 minutes at most

	// Each store's cap. At a sign-in every two seconds a store holds far less;
	// the cap is for whoever floods the provider.
	storeLimit = 4096
)

// storage is what the op library works on: clients, codes, tokens and keys.
type storage struct {
	*estate
	switches *switchboard
	held     heldKeys
}

var (
	_ op.Storage                        = (*storage)(nil)
	_ op.ClientCredentialsStorage       = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest      = (*storage)(nil)
	_ op.CanGetPrivateClaimsFromRequest = (*storage)(nil)
)

func (s *storage) Health(context.Context) error { return nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown client")
	}
	return c, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok || c.method == oidc.AuthMethodNone || !equalSecret(c.secret, secret) {
		return errors.New("unknown client or wrong secret")
	}
	return nil
}

func (s *storage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.clients[id], nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == "" })
	if !s.clients[id].allows(scopes) {
		return nil, oidc.ErrInvalidScope().WithDescription("the client is not registered for a requested scope")
	}
	return &machineGrant{clientID: id, scopes: scopes}, nil
}

// AuthRequestByCode hands out a code's grant once: a code is spent by the first
// attempt to use it, whatever comes of it (RFC 6749 section 4.1.2).
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	g, ok := s.codes.take(code)
	if !ok {
		return nil, errors.New("the code is unknown, expired or used")
	}
	return g, nil
}

// CreateAccessToken remembers a user's access token for userinfo. A machine's is
// not remembered: there is nothing to ask about it.
func (s *storage) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	id := rand.Text()
	switch g := request.(type) {
	case *signInGrant:
		return id, s.accessTokens.put(id, &g.userGrant), nil
	case *refreshGrant:
		return id, s.accessTokens.put(id, &g.userGrant), nil
	default:
		return id, time.Now().Add(accessTokenLifetime), nil
	}
}

// CreateAccessAndRefreshTokens also issues a refresh token; one that was shown is
// spent and replaced.
func (s *storage) CreateAccessAndRefreshTokens(ctx context.Context, request op.TokenRequest, shown string) (string, string, time.Time, error) {
	next := &refreshGrant{}
	switch g := request.(type) {
	case *signInGrant:
		next.userGrant, next.granted = g.userGrant, g.scopes
	case *refreshGrant:
		if _, ok := s.refreshTokens.take(shown); !ok {
			return "", "", time.Time{}, oidc.ErrInvalidGrant().WithDescription("the refresh token is used already")
		}
		next.userGrant, next.granted = g.userGrant, g.granted
	default:
		return "", "", time.Time{}, oidc.ErrInvalidGrant().WithDescription("no refresh token for this grant")
	}
	refresh := rand.Text()
	s.refreshTokens.put(refresh, next)
	id, expires, err := s.CreateAccessToken(ctx, request)
	return id, refresh, expires, err
}

// TokenRequestByRefreshToken returns a copy, because the library narrows its scopes.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	g, ok := s.refreshTokens.get(token)
	if !ok {
		return nil, errors.New("the refresh token is unknown, expired or used")
	}
	c := *g
	c.scopes = g.granted
	return &c, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	if s.switches.broken(SwitchKeyUnpublished) {
		return s.keys.unpublished()
	}
	return s.signing().current(), nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.keys.alg}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return s.published().publicKeys(), nil }
