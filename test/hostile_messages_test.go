package test

import (
	"encoding/base64"
	"strings"
)

// ask begins a request without a credential; bearer with the one that may do
// everything. Headers follow, and an empty line.
func ask(line string) string { return line + " HTTP/1.1\r\nHost: exporter.example\r\n" }

func bearer(line string) string { return ask(line) + "Authorization: Bearer " + testToken + "\r\n" }

func with(line string, headers ...string) string { return ask(line) + ended(headers...) }

func withToken(line string, headers ...string) string { return bearer(line) + ended(headers...) }

func ended(headers ...string) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String() + "\r\n"
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func hostileRequests() []hostileRequest {
	var all []hostileRequest
	for _, part := range [][]hostileRequest{
		hostilePaths(), hostileFraming(), hostileHeaders(), hostileLines(), hostileTargets(), hostileCredentials(), hostileOrigins(), hostileBodies(),
		hostileQueries(), hostileHealth(),
	} {
		all = append(all, part...)
	}
	return all
}

// Paths that are not a route's, however they are written. Those that show the
// credential are unknown; those that show none learn nothing.
func hostilePaths() []hostileRequest {
	list := []hostileRequest{
		{name: "percent-encoded route", raw: with("GET /%6detrics"), want: "401"},
		{name: "percent-encoded route, token", raw: withToken("GET /%6detrics"), want: "200"},
		{name: "percent-encoded slash in a route", raw: with("POST /-%2freload"), want: "401"},
		{name: "percent-encoded slash in a route, wrong method", raw: withToken("GET /-%2freload"), want: "405"},
		{name: "broken percent-encoding", raw: withToken("GET /%zz" + marker), want: "400"},
		{name: "half a percent-encoding", raw: withToken("GET /" + marker + "%2"), want: "400"},
		{name: "newline and header in the path", raw: withToken("GET /" + marker + "%0d%0aSet-Cookie:%20a=" + marker), want: "404"},
		{name: "terminal escape in the path", raw: withToken("GET /%1b%5b2J" + marker), want: "404"},
		{name: "raw bytes that are no UTF-8", raw: withToken("GET /" + marker + "\xff\xfe\xc0\xaf"), want: "404"},
		{name: "encoded bytes that are no UTF-8", raw: withToken("GET /" + marker + "%ff%c0%af"), want: "404"},
		{name: "script in the path", raw: withToken("GET /<script>" + marker + "</script>"), want: "404"},
		{name: "a path of 8 KB", raw: withToken("GET /" + strings.Repeat(marker, 800)), want: "404"},
		{name: "a path of 100 KB", raw: withToken("GET /" + strings.Repeat(marker, 10000)), want: "431"},
	}
	for _, path := range []string{
		"/../../../../etc/passwd", "/metrics/../-/reload", "/%2e%2e/%2e%2e/etc/passwd", "/%252e%252e/etc/passwd", "/..%5c..%5cwindows%5cwin.ini",
		`/..\..\windows\win.ini`, "/..;/metrics", "/metrics;a=b", "/metrics%00.html", "/metrics%20", "/metrics.", "/metrics/", "//metrics", "/./metrics", "/METRICS",
		"/metrics%3f", "/testall/../metrics", "/demo/../metrics", "/.git/config", "/debug/pprof/", "/server-status", "/api/v1/../../metrics",
	} {
		list = append(list, hostileRequest{name: "token: " + path, raw: withToken("GET " + path), want: "404"})
	}
	for _, path := range []string{
		"/-/healthy/../../metrics", "/-/healthy/%2e%2e/%2e%2e/metrics", "/-/healthy%2f..%2f..%2fmetrics", "/-/healthy;/../metrics", "/-/healthy%00/metrics",
		"/-/ready/", "//-/healthy", "/-/./healthy", "/nothing-" + marker,
	} {
		list = append(list, hostileRequest{name: "no token: " + path, raw: with("GET " + path), want: "401"})
	}
	return list
}

// Messages whose end is told in more than one way, or wrongly: what a proxy and
// the exporter could understand differently.
func hostileFraming() []hostileRequest {
	smuggled := withToken("GET /metrics", "X-A: "+marker)
	post := func(headers ...string) string { return withToken("POST /testall", headers...) }
	return []hostileRequest{
		// Chunks count, and the connection is closed after the answer (RFC 9112, section 6.1).
		{name: "length and chunks", raw: post("Content-Length: 6", "Transfer-Encoding: chunked") + "0\r\n\r\n" + smuggled, want: "405"},
		{name: "chunks and length", raw: post("Transfer-Encoding: chunked", "Content-Length: 4") + "1\r\nZ\r\nQ", want: "405", cut: true},
		{name: "two encodings", raw: post("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + smuggled, want: "501"},
		{name: "an unknown encoding", raw: post("Transfer-Encoding: xchunked") + smuggled, want: "501"},
		{name: "a list of encodings", raw: post("Transfer-Encoding: gzip, chunked") + smuggled, want: "501"},
		{name: "an encoding after a tab", raw: post("Transfer-Encoding:\tchunked") + "0\r\n\r\n", want: "405"},
		{name: "an encoding before a vertical tab", raw: post("Transfer-Encoding: chunked\x0b") + smuggled, want: "400"},
		{name: "a space before the colon of the encoding", raw: post("Transfer-Encoding : chunked") + smuggled, want: "400"},
		{name: "an encoding in HTTP/1.0", raw: "POST /testall HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: "401"},
		{name: "two different lengths", raw: post("Content-Length: 1", "Content-Length: 2") + smuggled, want: "400"},
		{name: "a list of lengths", raw: post("Content-Length: 0, 5") + smuggled, want: "400"},
		{name: "a length with a plus", raw: post("Content-Length: +0") + smuggled, want: "400"},
		{name: "a negative length", raw: post("Content-Length: -1") + smuggled, want: "400"},
		{name: "a hexadecimal length", raw: post("Content-Length: 0x0") + smuggled, want: "400"},
		{name: "a length with a space in it", raw: post("Content-Length: 1 0") + smuggled, want: "400"},
		{name: "an empty length", raw: post("Content-Length: ") + smuggled, want: "400"},
		{name: "a length beyond 64 bits", raw: post("Content-Length: 99999999999999999999") + smuggled, want: "400"},
		{name: "a space before the colon of the length", raw: post("Content-Length : 0") + smuggled, want: "400"},
		{name: "a request in the body of a GET", raw: with("GET /-/healthy", "Content-Length: 17") + "GET /metrics HTTP", want: "200"},
		{name: "a chunk size that is no number", raw: post("Transfer-Encoding: chunked") + "zz\r\n" + smuggled, want: "405"},
		{name: "a negative chunk size", raw: post("Transfer-Encoding: chunked") + "-1\r\n" + smuggled, want: "405"},
		{name: "a chunk size beyond 64 bits", raw: post("Transfer-Encoding: chunked") + "10000000000000000\r\n" + smuggled, want: "405"},
		{name: "a chunk size with a prefix", raw: post("Transfer-Encoding: chunked") + "0x0\r\n\r\n" + smuggled, want: "405"},
		{name: "a chunk without its end", raw: post("Transfer-Encoding: chunked") + "1\r\nAB\r\n0\r\n\r\n" + smuggled, want: "405"},
		{name: "a chunk line ended by a bare newline", raw: post("Transfer-Encoding: chunked") + "0\n\n" + smuggled, want: "405"},
		{name: "a huge chunk extension", raw: post("Transfer-Encoding: chunked") + "0;" + strings.Repeat("a", 10000) + "\r\n\r\n" + smuggled, want: "405"},
		{name: "a carriage return in a chunk extension", raw: post("Transfer-Encoding: chunked") + "0;a\rb\r\n\r\n" + smuggled, want: "405"},
		{name: "a forbidden trailer", raw: post("Transfer-Encoding: chunked", "Trailer: Content-Length") + "0\r\nContent-Length: 5\r\n\r\n", want: "400"},
		{name: "a hostile second request", raw: with("GET /-/healthy") + with("GET /metrics"), want: "200 401"},
		{name: "a broken second request", raw: with("GET /-/healthy") + "G<T / HTTP/1.1\r\nHost: a\r\n\r\n", want: "200 400"},
		{name: "a second request without the first one's token", raw: withToken("GET /test") + with("GET /test"), want: "200 401"},
		{name: "a hundred requests at once", raw: strings.Repeat(with("HEAD /-/healthy"), 100), want: strings.TrimSpace(strings.Repeat("200 ", 100))},
	}
}

func hostileHeaders() []hostileRequest {
	return []hostileRequest{
		{name: "a header of 100 KB", raw: with("GET /metrics", "X-A: "+strings.Repeat(marker, 10000)), want: "431"},
		{name: "a header name of 100 KB", raw: with("GET /metrics", strings.Repeat(marker, 10000)+": a"), want: "431"},
		{name: "10000 headers", raw: ask("GET /metrics") + strings.Repeat("X-A: b\r\n", 10000) + "\r\n", want: "431"},
		{name: "2000 headers within the limit", raw: ask("GET /metrics") + strings.Repeat("a:b\r\n", 2000) + "\r\n", want: "401"},
		{name: "100 KB of cookies", raw: with("GET /metrics", strings.Repeat("Cookie: "+marker+"=1\r\n", 5000)), want: "431"},
		{name: "a space before the colon", raw: with("GET /metrics", "X-A : "+marker), want: "400"},
		{name: "no colon", raw: with("GET /metrics", marker), want: "400"},
		{name: "an empty name", raw: with("GET /metrics", ": "+marker), want: "400"},
		{name: "a name with a bracket", raw: with("GET /metrics", "X-(A): "+marker), want: "400"},
		{name: "a name that is no ASCII", raw: with("GET /metrics", "X-\xc3\xa4: "+marker), want: "400"},
		{name: "a null byte in a value", raw: with("GET /metrics", "X-A: "+marker+"\x00"), want: "400"},
		{name: "an escape in a value", raw: with("GET /metrics", "X-A: "+marker+"\x1b[2J"), want: "400"},
		{name: "a carriage return in a value", raw: with("GET /metrics", "X-A: "+marker+"\rX-B: c"), want: "400"},
		{name: "a value that is no UTF-8", raw: with("GET /metrics", "X-A: "+marker+"\xff\xfe"), want: "401"},
		{name: "the first header is folded", raw: "GET /metrics HTTP/1.1\r\n X-A: " + marker + "\r\nHost: a\r\n\r\n", want: "400"},
		{name: "a folded header", raw: with("GET /metrics", "X-A: b", " "+marker), want: "401"},
		{name: "a token folded into another header", raw: with("GET /metrics", "X-A: b", " Authorization: Bearer "+testToken), want: "401"},
		{name: "lines ended by bare newlines", raw: "GET /metrics HTTP/1.1\nHost: a\nX-A: " + marker + "\n\n", want: "401"},
		{name: "no Host", raw: "GET /metrics HTTP/1.1\r\n\r\n", want: "400"},
		{name: "two Hosts", raw: with("GET /metrics", "Host: "+marker), want: "400"},
		{name: "a Host with a space", raw: "GET /metrics HTTP/1.1\r\nHost: a " + marker + "\r\n\r\n", want: "400"},
		{name: "a Host with a slash", raw: "GET / HTTP/1.1\r\nHost: a/" + marker + "\r\n\r\n", want: "400"},
		{name: "an empty Host", raw: "GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", want: "401"},
		{name: "a forged Host is not repeated", raw: "GET / HTTP/1.1\r\nHost: " + marker + ".example\r\nAuthorization: Bearer " + testToken + "\r\n\r\n", want: "200"},
		{name: "an unknown expectation", raw: with("GET /metrics", "Expect: "+marker), want: "417"},
		{name: "a look-up in the user agent", raw: withToken("GET /test", "User-Agent: ${jndi:ldap://"+marker+"/a}", "Referer: javascript:"+marker), want: "200"},
		{name: "a range of a page", raw: withToken("GET /metrics", "Range: bytes=0-0"), want: "200"},
		{name: "overlapping ranges", raw: withToken("GET /metrics", "Range: bytes="+strings.Repeat("0-,", 1500)+"0-"), want: "200"},
		{name: "1000 accepted types", raw: withToken("GET /testall", "Accept: "+strings.Repeat("a/"+marker+";q=1e999,", 500)+"*/*"), want: "200"},
		{name: "accepted encodings of nonsense", raw: withToken("GET /metrics", "Accept-Encoding: gzip;q=NaN, "+marker, "Accept: text/plain;version="+marker), want: "200"},
		{name: "a request ID that is not taken over", raw: withToken("GET /test", "X-Request-Id: "+marker, "Traceparent: 00-"+marker), want: "200"},
	}
}
