package test

import (
	"encoding/base64"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// Request lines, methods and versions.
func hostileLines() []hostileRequest {
	list := []hostileRequest{
		{name: "nothing", raw: "", want: ""},
		{name: "an empty line", raw: "\r\n", want: "400", cut: true},
		{name: "null bytes", raw: strings.Repeat("\x00", 100) + "\r\n\r\n", want: "400"},
		{name: "half a request line", raw: "GET /metr", want: "400", cut: true},
		{name: "half a request", raw: ask("GET /metrics") + "X-A: " + marker, want: "400", cut: true},
		{name: "HTTP/0.9", raw: "GET /metrics\r\n", want: "400"},
		{name: "HTTP/0.9 in all the forms of HTTP/1.1", raw: "GET /metrics HTTP/0.9\r\nHost: a\r\n\r\n", want: "505"},
		{name: "HTTP/1.0", raw: "GET /metrics HTTP/1.0\r\n\r\n", want: "401"},
		{name: "HTTP/2.0 by name", raw: "GET /metrics HTTP/2.0\r\nHost: a\r\n\r\n", want: "505"},
		{name: "HTTP/9.9", raw: "GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n", want: "505"},
		{name: "a version that is no number", raw: "GET /metrics HTTP/" + marker + "\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a version in lower case", raw: "GET /metrics http/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "the preface of HTTP/2", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", want: "401"},
		{name: "a TLS handshake", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), want: "400", cut: true},
		{name: "another protocol", raw: "SSH-2.0-" + marker + "\r\n\r\n", want: "400"},
		{name: "two spaces in the line", raw: "GET  /metrics HTTP/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a space before the line", raw: " GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a space in the path", raw: "GET /metrics /" + marker + " HTTP/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a method that is no token", raw: "G<T /metrics HTTP/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a method of 10 KB", raw: withToken(strings.Repeat("A", 10000) + " /metrics"), want: "405"},
	}
	for _, method := range []string{"get", "GETT", marker, "TRACE", "TRACK", "OPTIONS", "DELETE", "PATCH", "PROPFIND", "DEBUG"} {
		list = append(list,
			hostileRequest{name: "method " + method, raw: with(method+" /metrics", "X-A: "+marker), want: "401"},
			hostileRequest{name: "method " + method + ", token", raw: withToken(method+" /metrics", "X-A: "+marker), want: "405"})
	}
	for _, path := range []string{"/-/reload", "/-/drain", "/demo/x/on"} {
		list = append(list, hostileRequest{name: "HEAD of " + path, raw: with("HEAD " + path), want: "401"})
	}
	return append(list, hostileRequest{name: "reload by GET", raw: withToken("GET /-/reload"), want: "405"})
}

// What stands where the path should.
func hostileTargets() []hostileRequest {
	return []hostileRequest{
		{name: "absolute form of another host", raw: with("GET http://" + marker + ".example/metrics"), want: "401"},
		{name: "absolute form, token", raw: withToken("GET http://" + marker + ".example/nothing"), want: "404"},
		{name: "absolute form of a file", raw: withToken("GET file:///etc/passwd"), want: "404"},
		{name: "absolute form without a host", raw: withToken("GET http:///etc/passwd"), want: "404"},
		{name: "absolute form with a password", raw: with("GET http://all:" + testToken + "@exporter.example/metrics"), want: "401"},
		{name: "to be a proxy", raw: withToken("CONNECT " + marker + ".example:443"), want: "404"},
		{name: "to be a proxy, no token", raw: with("CONNECT 169.254.169.254:80"), want: "401"},
		{name: "to be a proxy to a route", raw: withToken("CONNECT /metrics"), want: "405"},
		{name: "authority form", raw: withToken("GET " + marker + ".example:80"), want: "404"},
		{name: "no slash", raw: withToken("GET metrics"), want: "400"},
		{name: "a query alone", raw: withToken("GET ?node=" + marker), want: "400"},
		{name: "asterisk form", raw: with("OPTIONS *"), want: "401"},
		{name: "asterisk form of a GET", raw: withToken("GET *"), want: "404"},
		{name: "a fragment", raw: withToken("GET /metrics#" + marker), want: "404"},
		{name: "an upgrade to a WebSocket", raw: with("GET /metrics", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), want: "401"},
		{name: "an upgrade to HTTP/2", raw: with("GET /-/healthy", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), want: "200"},
		{name: "an upgrade to TLS", raw: with("GET /-/healthy", "Connection: Upgrade", "Upgrade: TLS/1.2"), want: "200"},
		{name: "hop-by-hop removal of the token", raw: withToken("GET /nothing", "Connection: close, Authorization"), want: "404"},
	}
}

// Credentials that are wrong, stale, in the wrong place, or not enough.
func hostileCredentials() []hostileRequest {
	list := []hostileRequest{
		{name: "Basic: a broken encoding", raw: with("GET /metrics", "Authorization: Basic !!!"+marker), want: "401"},
		{name: "Basic: no colon", raw: with("GET /metrics", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(testToken))), want: "401"},
		{name: "Basic: the token as user", raw: with("GET /metrics", basic(testToken, "")), want: "401"},
		{name: "Basic: a password of 10 KB", raw: with("GET /metrics", basic(marker, strings.Repeat("a", 7000))), want: "401"},
		{name: "Basic: null bytes", raw: with("GET /metrics", basic("all\x00", testToken+"\x00")), want: "401"},
		{name: "Basic: no UTF-8", raw: with("GET /metrics", basic("\xff\xfe", "\xc0\xaf")), want: "401"},
		{name: "an unknown scheme", raw: with("GET /metrics", "Authorization: Negotiate "+testToken), want: "401"},
		{name: "no scheme", raw: with("GET /metrics", "Authorization: "+testToken), want: "401"},
		{name: "the token twice in one header", raw: with("GET /metrics", "Authorization: Bearer "+testToken+", Bearer "+testToken), want: "401"},
		{name: "two Authorization headers, the first wrong", raw: with("GET /metrics", "Authorization: Bearer wrong", "Authorization: Bearer "+testToken), want: "401"},
		{name: "the token in the query", raw: with("GET /metrics?access_token=" + testToken + "&token=" + testToken), want: "401"},
		{name: "the token in a cookie", raw: with("GET /metrics", "Cookie: token="+testToken+"; Authorization=Bearer "+testToken), want: "401"},
		{name: "the token in another header", raw: with("GET /metrics", "Proxy-Authorization: Bearer "+testToken, "X-Token: "+testToken), want: "401"},
		{name: "the token in a trailer", raw: with("POST /-/reload", "Transfer-Encoding: chunked", "Trailer: Authorization") + "0\r\nAuthorization: Bearer " + testToken + "\r\n\r\n", want: "401"},
		{name: "a token of 10 KB", raw: with("GET /metrics", "Authorization: Bearer "+strings.Repeat("a", 10000)), want: "401"},
	}
	for name, token := range map[string]string{
		"that has expired": expiredToken, "of the future": futureToken, "that was removed": removedToken, "that is empty": "", "with a byte more": testToken + "x",
		"with a byte less": testToken[:len(testToken)-1], "with a comma": testToken + ",", "in upper case": strings.ToUpper(testToken), "with no-break space": testToken + "\xc2\xa0",
		"that is its hash": access.HashToken(testToken), "that is its hash in hex": strings.TrimPrefix(access.HashToken(testToken), "sha256:"), "in quotes": `"` + testToken + `"`,
	} {
		list = append(list,
			hostileRequest{name: "a token " + name, raw: with("GET /metrics", "Authorization: Bearer "+token), want: "401"},
			hostileRequest{name: "a key " + name, raw: with("GET /metrics", "X-API-Key: "+token), want: "401"},
			hostileRequest{name: "a password " + name, raw: with("GET /metrics", basic("all", token)), want: "401"})
	}
	list = append(list, hostileRequest{name: "a token with a null byte", raw: with("GET /metrics", "Authorization: Bearer "+testToken+"\x00"), want: "400"})
	for _, line := range []string{"POST /-/reload", "GET /-/drain", "POST /-/drain?node=n1", "POST /-/windows", "DELETE /-/windows/1", "GET /probe?probe=page", "GET /", "GET /api/v1/results", "GET /testall"} {
		list = append(list, hostileRequest{name: "a token for metrics: " + line, raw: with(line, "Authorization: Bearer "+metricsToken), want: "403"})
	}
	return list
}

// Headers that claim to come from elsewhere, or ask for something else, grant
// nothing; pages of other origins may change nothing.
func hostileOrigins() []hostileRequest {
	var list []hostileRequest
	for _, header := range []string{
		"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 127.0.0.1, 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Client-IP: 10.0.0.1",
		"True-Client-IP: 10.0.0.1", "CF-Connecting-IP: 10.0.0.1", "X-Forwarded-Host: localhost", "X-Forwarded-User: admin", "X-Remote-User: all", "Remote-User: all",
		"X-SSL-Client-SAN: all", "X-Original-URL: /-/healthy", "X-Rewrite-URL: /-/healthy", "X-HTTP-Method-Override: HEAD", "X-Custom-IP-Authorization: 127.0.0.1",
	} {
		list = append(list, hostileRequest{name: "forged " + header, raw: with("GET /testall", header), want: "401"})
	}
	list = append(list,
		hostileRequest{name: "a rewritten path", raw: with("GET /-/healthy", "X-Original-URL: /metrics", "X-Rewrite-URL: /metrics"), want: "200"},
		hostileRequest{name: "an overridden method", raw: withToken("GET /-/reload", "X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST"), want: "405"},
		hostileRequest{name: "an overridden method in the query", raw: withToken("GET /-/reload?_method=POST"), want: "405"},
		hostileRequest{name: "a form of another origin", raw: withToken("POST /-/reload", "Origin: https://"+marker+".example", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"), want: "403"},
		hostileRequest{name: "a form of no origin", raw: withToken("POST /-/reload", "Origin: null", "Content-Length: 0"), want: "403"},
		hostileRequest{name: "a fetch of another site", raw: withToken("POST /-/drain?node=n1", "Sec-Fetch-Site: cross-site", "Content-Length: 0"), want: "403"},
		hostileRequest{name: "a fetch of a sister site", raw: withToken("POST /-/drain?node=n1", "Sec-Fetch-Site: same-site", "Content-Length: 0"), want: "403"},
		hostileRequest{name: "a preflight", raw: with("OPTIONS /-/reload", "Origin: https://"+marker+".example", "Access-Control-Request-Method: POST"), want: "401"},
	)
	for _, host := range []string{
		marker + ".example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:9110", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "169.254.169.254", "[::]",
		"10.0.0.1", "",
	} {
		list = append(list, hostileRequest{name: "rebound Host " + host, to: "local", raw: "GET /metrics HTTP/1.1\r\nHost: " + host + "\r\n\r\n", want: "403"})
	}
	return append(list,
		hostileRequest{name: "rebound by an absolute form", to: "local", raw: "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", want: "403"},
		hostileRequest{name: "rebound with a user name", to: "local", raw: "GET /metrics HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", want: "400"},
		hostileRequest{name: "rebound with a fragment", to: "local", raw: "GET /metrics HTTP/1.1\r\nHost: evil.example#localhost\r\n\r\n", want: "400"},
		hostileRequest{name: "rebound in HTTP/1.0", to: "local", raw: "GET /metrics HTTP/1.0\r\n\r\n", want: "403"},
		hostileRequest{name: "rebound and forwarded", to: "local", raw: "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n", want: "403"},
		hostileRequest{name: "a closed scope", to: "local", raw: "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", want: "403"},
		hostileRequest{name: "a closed scope with a made-up token", to: "local", raw: "GET /probe?probe=page HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + testToken + "\r\n\r\n", want: "403"},
	)
}

func hostileBodies() []hostileRequest {
	nested := strings.Repeat("[", 30000)
	return []hostileRequest{
		{name: "a body that is announced too large", raw: withToken("POST /-/reload", "Content-Length: 10000000000"), want: "413"},
		{name: "a body that is announced too large, no token", raw: with("POST /-/reload", "Content-Length: 10000000000"), want: "413"},
		{name: "a body that is waited for", raw: withToken("POST /-/reload", "Content-Length: 10000000000", "Expect: 100-continue"), want: "413"},
		{name: "1 MB of chunks", raw: with("POST /-/windows", "Transfer-Encoding: chunked") + strings.Repeat("400\r\n"+strings.Repeat("a", 1024)+"\r\n", 1024) + "0\r\n\r\n", want: "401"},
		{name: "nested JSON", raw: withToken("POST /-/windows", "Content-Type: application/json", "Content-Length: 30000") + nested, want: "400"},
		{name: "JSON that is no UTF-8", raw: withToken("POST /-/windows", "Content-Type: application/json", "Content-Length: 5") + "{\"\xff\"}", want: "400"},
		{name: "a number beyond all numbers", raw: withToken("POST /-/windows", "Content-Type: application/json", "Content-Length: 13") + `{"end":1e999}`, want: "400"},
		{name: "a body where none is read", raw: withToken("POST /-/drain?node=n1", "Content-Length: 3") + "a=b", want: "400"},
	}
}

func hostileQueries() []hostileRequest {
	return []hostileRequest{
		{name: "a query of 8 KB", raw: withToken("GET /testall?node=" + strings.Repeat(marker, 800)), want: "404"},
		{name: "a query of 100 KB", raw: withToken("GET /testall?node=" + strings.Repeat(marker, 10000)), want: "431"},
		{name: "14000 parameters", raw: withToken("GET /testall?" + strings.Repeat("&", 14000)), want: "400"},
		{name: "1000 nodes", raw: withToken("GET /testall?" + strings.Repeat("node="+marker+"&", 500)), want: "404"},
		{name: "a node of quotes", raw: withToken("GET /testall?node=%27%20OR%201=1--" + marker), want: "404"},
		{name: "a node of newlines", raw: withToken("GET /testall?verbose&node=" + marker + "%0d%0aSet-Cookie:a=b"), want: "404"},
		{name: "a node that is no UTF-8", raw: withToken("GET /testall?node=%ff%fe" + marker), want: "404"},
		{name: "a node of markup", raw: withToken("GET /testall?node=<script>"+marker+"</script>", "Accept: text/html"), want: "404"},
		{name: "a scope that does not exist", raw: withToken("GET /testall?scope=" + marker), want: "400"},
		{name: "a target for the prober", raw: withToken("GET /probe?probe=" + marker + "&target=http://169.254.169.254/"), want: "404"},
		{name: "a drain of nobody", raw: withToken("POST /-/drain?node="+marker, "Content-Length: 0"), want: "404", echo: true},
		{name: "a drain of newlines", raw: withToken("POST /-/drain?node="+marker+"%0d%0aSet-Cookie:a=b", "Content-Length: 0"), want: "404", echo: true},
		{name: "a drain of markup", raw: withToken("POST /-/drain?node=<script>"+marker, "Content-Length: 0"), want: "404", echo: true},
		{name: "a drain with a parameter of nobody's", raw: withToken("POST /-/drain?"+marker+"%1b=1", "Content-Length: 0"), want: "400", echo: true},
		{name: "a drain for ever and a day", raw: withToken("POST /-/drain?node=public&for=99999999999h", "Content-Length: 0"), want: "400"},
		{name: "a drain backwards", raw: withToken("POST /-/drain?node=public&for=-1h", "Content-Length: 0"), want: "400"},
		{name: "a drain of two", raw: withToken("POST /-/drain?node=public&node=n2", "Content-Length: 0"), want: "400"},
		{name: "a window that does not exist", raw: withToken("DELETE /-/windows/" + marker), want: "404"},
		{name: "a window by traversal", raw: withToken("DELETE /-/windows/../drain"), want: "404"},
	}
}

// The listener without credentials answers health, and nothing more to anybody.
func hostileHealth() []hostileRequest {
	var list []hostileRequest
	for _, line := range []string{
		"GET /metrics", "GET /", "GET /api/v1/results", "GET /probe?probe=page", "POST /-/reload", "POST /-/drain?node=n1", "POST /-/windows", "GET /-/healthy/../../metrics",
		"GET /%6detrics", "GET //testall", "GET /testall/",
	} {
		list = append(list, hostileRequest{name: "health: " + line, to: "health", raw: withToken(line), want: "404"})
	}
	return append(list,
		hostileRequest{name: "health: another method", to: "health", raw: with("POST /testall", "Content-Length: 0"), want: "405"},
		hostileRequest{name: "health: an unknown node", to: "health", raw: with("GET /testall?node=" + marker), want: "404"},
		hostileRequest{name: "health: to be a proxy", to: "health", raw: with("CONNECT a.example:443"), want: "404"},
		hostileRequest{name: "health: a body", to: "health", raw: with("GET /testall", "Content-Length: 99999999"), want: "413"},
		hostileRequest{name: "health: headers of 100 KB", to: "health", raw: with("GET /testall", "X-A: "+strings.Repeat("a", 100000)), want: "431"},
	)
}
