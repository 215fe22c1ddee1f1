package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const (
	crmTimeout   = time.Second
	crmBodyLimit = 4 << 10
)

// rule is the stage every user passes after the password was accepted.
type rule struct {
	crmURL string // empty: nobody to ask
	http   *http.Client
}

func newRule(crmURL string) *rule {
	return &rule{
		crmURL: crmURL,
		http: &http.Client{
			Timeout: crmTimeout,
			// no connection is kept, so that the provider has nothing to close
			Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: crmBodyLimit},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// runRule passes the user through the rule. It returns the claims to write, or
// access_denied with the reason, as an Auth0 rule or Action that denies does.
func (p *Provider) runRule(ctx context.Context, u *user) (map[string]any, error) {
	if p.switches.broken(SwitchRuleRemoved) {
		return nil, nil
	}
	if u.suspended {
		return nil, oidc.ErrAccessDenied().WithDescription("account is suspended")
	}
	if p.rule.crmURL == "" {
		return nil, nil
	}
	id, err := p.rule.lookup(ctx, u.subject)
	if err != nil {
		p.log.Warn("the rule got no answer from the CRM", "rule", RuleName, "err", err)
		return nil, oidc.ErrAccessDenied().WithDescription("rule %s failed: CRM unavailable", RuleName)
	}
	return map[string]any{ClaimCRMID: id, ClaimRule: RuleName}, nil
}

// lookup asks the CRM for a user's customer number.
func (r *rule) lookup(ctx context.Context, subject string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.crmURL+"/customers/"+url.PathEscape(subject), nil)
	if err != nil {
		return "", fmt.Errorf("asking the CRM: %w", err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking the CRM: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking the CRM: status %d instead of 200", resp.StatusCode)
	}
	var c customer
	if err := json.NewDecoder(io.LimitReader(resp.Body, crmBodyLimit)).Decode(&c); err != nil {
		return "", fmt.Errorf("reading the CRM's answer: %w", err)
	}
	if c.CRMID == "" {
		return "", errors.New("reading the CRM's answer: crm_id is missing")
	}
	return c.CRMID, nil
}
