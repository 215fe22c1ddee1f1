// Package starter writes a starter configuration for a provider that it looks
// at: by its discovery document, and by its health endpoints.
//
// It owns what is asked of a provider for that, what is said when something is
// wrong, and the shape of the file. Marks of providers belong to
// internal/preset. It writes no file.
package starter

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/preset"
)

// Options say which provider, and how to reach it.
type Options struct {
	// Issuer is the provider's; the URL of its discovery document will do, too.
	Issuer string
	// Preset is used in place of the one that is recognized, unless empty.
	Preset string
	// CAFile and Proxy are those of fetch.Options; they are written down too.
	CAFile, Proxy string
	// Patience is how long a health endpoint may take to answer; 0 means 3 s.
	Patience time.Duration
}

// Starter is a starter configuration.
type Starter struct {
	// Issuer is as the provider spells it, Preset what was chosen, Why the mark.
	Issuer, Preset, Why string
	// Text is the file. Values that only its owner knows are strict.Unknown.
	Text []byte
}

// looker asks a provider.
type looker struct {
	options Options
	client  *fetch.Client
	issuer  *url.URL
}

// Look reads a provider's discovery document, recognizes the provider and
// returns a starter configuration. It follows no redirect. Errors say what to
// do.
func Look(ctx context.Context, o Options) (*Starter, error) {
	if o.Patience == 0 {
		o.Patience = 3 * time.Second
	}
	if o.Preset != "" && !slices.Contains(preset.Names(), o.Preset) {
		return nil, fmt.Errorf("--preset: %q is not a preset; use one of %s", o.Preset, strings.Join(preset.Names(), ", "))
	}
	issuer, err := parseIssuer(o.Issuer)
	if err != nil {
		return nil, err
	}
	client, err := fetch.New(fetch.Options{TLS: fetch.TLS{CAFile: o.CAFile}, Proxy: o.Proxy}, fetch.Target{})
	if err != nil {
		return nil, err
	}
	l := &looker{options: o, client: client, issuer: issuer}
	d, err := l.document(ctx)
	if err != nil {
		return nil, err
	}
	s := &Starter{Issuer: d.Issuer}
	var settings map[string]string
	s.Preset, s.Why, settings = l.recognize(ctx, d)
	s.Text, err = write(o, s, d, settings)
	return s, err
}

// parseIssuer reads what the command was given. A discovery document's URL
// stands for its issuer.
func parseIssuer(text string) (*url.URL, error) {
	text = strings.TrimSuffix(text, preset.WellKnown)
	u, err := url.Parse(text)
	if bare := strings.TrimLeft(text[strings.LastIndex(text, "://")+1:], ":/"); bare != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http") {
		if guess, err := url.Parse("https://" + bare); err == nil && guess.Host != "" {
			return nil, fmt.Errorf("%s has no https:// in front; try idp_exporter init https://%s", quote(text), bare)
		}
	}
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%s is not an issuer; write the URL under which %s is found, such as https://login.example.com/", quote(text), preset.WellKnown)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("an issuer has no user, query or fragment (OpenID Connect Discovery 1.0, section 3); write only scheme, host and path: %s://%s%s", u.Scheme, u.Host, u.Path)
	}
	return u, nil
}

// recognize chooses the preset and what can be told of its settings.
func (l *looker) recognize(ctx context.Context, d preset.Document) (name, why string, settings map[string]string) {
	settings = make(map[string]string)
	name, mark := preset.Recognize(d)
	why = mark
	if l.options.Preset != "" {
		name, why = l.options.Preset, "named by --preset"
	}
	issuer, err := url.Parse(d.Issuer)
	if err != nil { // the document was checked
		issuer = l.issuer
	}
	seen := map[string]bool{}
	for _, h := range preset.HealthOf(name, issuer) {
		if l.options.Preset != "" && h.Setting == "" || seen[h.URL] || !l.healthy(ctx, h) {
			seen[h.URL] = true
			continue
		}
		if h.Setting != "" {
			settings[h.Setting] = h.Base
		} else {
			name, why = h.Preset, strings.TrimPrefix(mark+", and the answer of "+h.URL, ", and ")
		}
		break
	}
	if name == preset.Generic && why == "" {
		why = "no mark of any other"
	}
	return name, why, settings
}

// healthy asks a health endpoint whether it is one. No answer is none.
func (l *looker) healthy(ctx context.Context, h preset.Health) bool {
	ctx, cancel := context.WithTimeout(ctx, l.options.Patience)
	defer cancel()
	resp, err := l.get(ctx, h.URL)
	return err == nil && h.Is(resp.StatusCode, resp.Content)
}

// quote shows foreign text, at no length.
func quote(text string) string {
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
