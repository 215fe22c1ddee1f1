package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// minCore is the length, in characters, below which a part of a base64 text is
// not searched for.
const minCore = 6

// spellings lists the forms in which a value may turn up in a text: as it is,
// and encoded for URLs, JSON, HTML, quoted text, hexadecimal and base64.
func spellings(v string) []string {
	all := []string{v, hex.EncodeToString([]byte(v)), unquoted(strconv.Quote(v)), unquoted(strconv.QuoteToASCII(v))}
	for _, s := range []string{
		url.QueryEscape(v), url.PathEscape(v), url.User(v).String(),
		strings.ReplaceAll(url.QueryEscape(v), "+", "%20"), url.QueryEscape(url.QueryEscape(v)),
	} {
		all = append(all, s, lowerEscapes(s))
	}
	all = append(all, jsonSpellings(v)...)
	all = append(all, htmlSpellings(v)...)
	return append(all, base64Spellings(v)...)
}

func unquoted(s string) string { return s[1 : len(s)-1] }

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes spells %2F as %2f: RFC 3986, 2.1, takes both for the same.
func lowerEscapes(s string) string { return percent.ReplaceAllStringFunc(s, strings.ToLower) }

// jsonSpellings encodes v as JSON writers do, some of which escape more than
// they have to (RFC 8259, 7).
func jsonSpellings(v string) []string {
	escaped, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	all := unquoted(string(escaped))
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(all)
	return []string{all, plain, strings.ReplaceAll(plain, "/", `\/`), strings.ReplaceAll(all, "/", `\/`)}
}

func htmlSpellings(v string) []string {
	escaped := html.EscapeString(v)
	return []string{
		escaped,
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(escaped),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(v),
	}
}

// base64Spellings lists what v looks like in base64, alone and as part of
// something longer such as "user:password". Inside a longer text it has one of
// three alignments, and its outermost characters mix with what is next to it.
func base64Spellings(v string) []string {
	all := []string{base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte(v))}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := e.EncodeToString(append(make([]byte, before), v...))
			core := text[(before*8+5)/6 : (before+len(v))*8/6]
			if len(core) >= minCore {
				all = append(all, core)
			}
		}
	}
	return append(all, base64.RawStdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)))
}
