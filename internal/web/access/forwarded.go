package access

import (
	"net/netip"
	"strings"
)

// The forwarding headers are read from their end, since only the end was
// written by proxies that are trusted: what a client put at the beginning can
// then neither shift nor hide what follows.

// lastForwardedFor cuts the last address off a line of X-Forwarded-For. ok is
// false where it is none.
func lastForwardedFor(line string) (addr netip.Addr, rest string, more, ok bool) {
	rest, last := "", line
	if i := strings.LastIndexByte(line, ','); i >= 0 {
		rest, last, more = line[:i], line[i+1:], true
	}
	addr, ok = parseHop(strings.Trim(last, " \t"))
	return addr, rest, more, ok
}

// lastForwarded does the same for a line of Forwarded (RFC 7239, section 4).
func lastForwarded(line string) (addr netip.Addr, rest string, more, ok bool) {
	comma, ok := lastComma(line)
	if !ok {
		return addr, "", false, false
	}
	last := line[comma+1:]
	if comma >= 0 {
		rest, more = line[:comma], true
	}
	addr, ok = parseElement(last)
	return addr, rest, more, ok
}

// lastComma returns the place of the last comma outside quotes, -1 for none. ok
// is false for an escape on the way there: seen from the end, an escaped quote
// cannot be told from a closing one.
func lastComma(line string) (at int, ok bool) {
	quoted := false
	for i := len(line) - 1; i >= 0; i-- {
		switch c := line[i]; {
		case c == '\\':
			return 0, false
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return i, true
		}
	}
	return -1, true
}

// parseElement reads for= of one element, such as
//
//	for="[2001:db8::1]:4711";proto=https;by=203.0.113.43
func parseElement(element string) (addr netip.Addr, ok bool) {
	found := false
	for element != "" {
		var pair string
		pair, element = cutPair(element)
		if pair = strings.Trim(pair, " \t"); pair == "" {
			continue
		}
		name, value, given := strings.Cut(pair, "=")
		if !given || !isToken(name) {
			return addr, false
		}
		if value, given = unquote(value); !given {
			return addr, false
		}
		if !strings.EqualFold(name, "for") {
			continue
		}
		if found {
			return addr, false // RFC 7239, section 4: each once
		}
		found = true
		if addr, ok = parseHop(value); !ok {
			return addr, false
		}
	}
	return addr, found
}

// cutPair cuts at the first semicolon outside quotes.
func cutPair(element string) (pair, rest string) {
	quoted := false
	for i := range len(element) {
		switch {
		case element[i] == '"':
			quoted = !quoted
		case element[i] == ';' && !quoted:
			return element[:i], element[i+1:]
		}
	}
	return element, ""
}

func unquote(value string) (string, bool) {
	inner, quoted := strings.CutPrefix(value, `"`)
	if !quoted {
		return value, isToken(value)
	}
	inner, closed := strings.CutSuffix(inner, `"`)
	return inner, closed && !strings.Contains(inner, `"`)
}

// isToken tells whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// parseHop reads an IP address, with or without a port. Of "unknown" and of
// made-up names (RFC 7239, section 6) there is no address.
func parseHop(s string) (netip.Addr, bool) {
	const longest = 64 // an IPv6 address in brackets with its port takes 53
	if len(s) > longest {
		return netip.Addr{}, false
	}
	host := s
	switch inner, bracket := strings.CutPrefix(s, "["); {
	case bracket:
		end := strings.IndexByte(inner, ']')
		if end < 0 || !isPort(inner[end+1:]) || strings.Count(inner[:end], ":") < 2 {
			return netip.Addr{}, false
		}
		host = inner[:end]
	case strings.Count(s, ":") == 1:
		i := strings.IndexByte(s, ':')
		if !isPort(s[i:]) {
			return netip.Addr{}, false
		}
		host = s[:i]
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// isPort tells whether s is "" or a colon and a port, which may be a made-up
// name too (RFC 7239, section 6).
func isPort(s string) bool {
	if s == "" {
		return true
	}
	s, ok := strings.CutPrefix(s, ":")
	if !ok || s == "" {
		return false
	}
	return strings.Trim(s, "0123456789") == "" || s[0] == '_' && isToken(s)
}
