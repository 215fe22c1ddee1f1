package access

import (
	"fmt"
	"time"
)

// bounds checks when, from where and how often a holder's credentials count.
func (c *checker) bounds(at string, b Bounds, hashes []Hash) {
	whole := newWindow(b.NotBefore, b.NotAfter)
	c.window(at, whole, whole)
	for i, h := range hashes {
		own := newWindow(h.NotBefore, h.NotAfter)
		if !h.NotBefore.IsZero() || !h.NotAfter.IsZero() {
			c.window(fmt.Sprintf("%s.hashes[%d]", at, i), own, whole.within(own))
		}
	}
	c.networks(at+".networks", b.Networks)
	c.rate(at, b.RateLimit)
}

// window checks when a key counts: its own window, and what is left of it in
// that of its holder.
func (c *checker) window(at string, own, left window) {
	at += ".not_after"
	switch {
	case own.empty():
		c.add(at, "is not after not_before, so it would never count")
	case left.empty():
		c.add(at, "lies outside the not_before and not_after around it, so it would never count")
	case own.until.IsZero():
	case !c.now.Before(own.until):
		c.warn(at, "has expired (%s) and is refused; replace it, with a token of `idp_exporter token create` where it is one, or remove it",
			own.until.UTC().Format(time.RFC3339))
	case own.until.Sub(c.now) < soon:
		c.warn(at, "expires soon (%s); put its successor beside it in time", own.until.UTC().Format(time.RFC3339))
	}
}

func (c *checker) networks(at string, texts []string) {
	for i, n := range texts {
		if _, err := parseNetwork(n); err != nil {
			c.add(fmt.Sprintf("%s[%d]", at, i), "%v", err)
		}
	}
}

func (c *checker) rate(at string, r RateLimit) {
	if r.PerSecond != nil && *r.PerSecond < 0 {
		c.add(at+".per_second", "must not be negative; 0 sets no limit")
	}
	if r.Burst != nil && *r.Burst < 1 {
		c.add(at+".burst", "must be 1 or more; `per_second: 0` sets no limit")
	}
}

// section checks what concerns no single credential.
func (c *checker) section(cfg *Config) {
	for i, word := range cfg.Open {
		if word != OpenTest && word != OpenTestall {
			c.add(fmt.Sprintf("open[%d]", i), "%q cannot be opened; only %s and %s can", word, OpenTest, OpenTestall)
		}
	}
	c.networks("open_to", cfg.OpenTo)
	if len(cfg.OpenTo) > 0 && len(cfg.Open) == 0 {
		c.add("open_to", "opens nothing without `open: [%s, %s]`", OpenTest, OpenTestall)
	}
	c.networks("trusted_proxies", cfg.TrustedProxies)
	for i, n := range cfg.TrustedProxies {
		if p, err := parseNetwork(n); err == nil && p.Bits() == 0 {
			c.warn(fmt.Sprintf("trusted_proxies[%d]", i), "trusts everybody, so everybody can claim any address; name the proxies")
		}
	}
	switch cfg.ForwardedHeader {
	case "", HeaderXForwardedFor, HeaderForwarded:
		if cfg.ForwardedHeader != "" && len(cfg.TrustedProxies) == 0 {
			c.add("forwarded_header", "is read from proxies alone; name them with `trusted_proxies`")
		}
	default:
		c.add("forwarded_header", "%.40q is no such header; write %s or %s", cfg.ForwardedHeader, HeaderXForwardedFor, HeaderForwarded)
	}
	c.rate("rate_limit", cfg.RateLimit)
	if cfg.GuessLimit != nil && *cfg.GuessLimit < 0 {
		c.add("guess_limit", "must not be negative; 0 sets no limit")
	}
}
