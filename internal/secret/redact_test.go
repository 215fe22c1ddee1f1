package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const awkward = "p&ss/w<o>r\"d'+%é \\x"

func TestRedactSpellings(t *testing.T) {
	t.Parallel()
	asJSON, err := json.Marshal(awkward)
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodGet, "http://x.example", nil)
	require.NoError(t, err)
	texts := map[string]string{
		"plain":              awkward,
		"query":              url.QueryEscape(awkward),
		"query, lower case":  strings.ToLower(url.QueryEscape(awkward)),
		"path":               url.PathEscape(awkward),
		"userinfo":           url.UserPassword("u", awkward).String(),
		"form":               url.Values{"password": {awkward}}.Encode(),
		"twice":              url.QueryEscape(url.QueryEscape(awkward)),
		"json":               string(asJSON),
		"json, unescaped":    strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(asJSON)),
		"json, slash":        strings.ReplaceAll(string(asJSON), "/", `\/`),
		"html":               html.EscapeString(awkward),
		"html, names":        strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(html.EscapeString(awkward)),
		"quoted":             fmt.Sprintf("%q", awkward),
		"hexadecimal":        hex.EncodeToString([]byte(awkward)),
		"base64":             base64.StdEncoding.EncodeToString([]byte(awkward)),
		"base64url":          base64.RawURLEncoding.EncodeToString([]byte(awkward)),
		"inside other words": "before" + awkward + "after",
	}
	for _, user := range []string{"u", "al", "bob", "user@example.com"} {
		req.SetBasicAuth(user, awkward)
		texts["Basic of "+user] = req.Header.Get("Authorization")
		texts["Basic of "+user+", base64url"] = base64.RawURLEncoding.EncodeToString([]byte(user + ":" + awkward + ":more"))
	}
	var r Redactor
	r.Add(awkward)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := r.String("it said " + text + " and ended")
			require.Contains(t, got, placeholder)
			require.True(t, strings.HasPrefix(got, "it said "), got)
			require.True(t, strings.HasSuffix(got, " and ended"), got)
			for _, s := range spellings(awkward) {
				require.NotContains(t, got, s)
			}
			// No longer piece of it is left either.
			for i := 0; i+5 <= len(awkward); i++ {
				require.NotContains(t, got, awkward[i:i+5])
			}
		})
	}
}

func TestRedactBasicLeavesLittle(t *testing.T) {
	t.Parallel()
	var r Redactor
	r.Add("correct horse battery")
	for _, user := range []string{"", "a", "ab", "abc"} {
		text := base64.StdEncoding.EncodeToString([]byte(user + ":correct horse battery"))
		left := strings.ReplaceAll(r.String(text), placeholder, "")
		require.LessOrEqual(t, len(left), len(text)-26, "the password's 21 bytes take 28 characters")
	}
}

func TestRedactOverlapping(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		secrets []string
		text    string
		want    string
	}{
		{"prefix", []string{"hunter", "hunter2-long"}, "x hunter2-long y hunter z", "x <secret> y <secret> z"},
		{"suffix", []string{"word", "password"}, "a password", "a <secret>"},
		{"crossing", []string{"abcd", "cdefgh"}, "1abcdefgh2", "1<secret>2"},
		{"crossing itself", []string{"abab"}, "1ababab2", "1<secret>2"},
		{"touching", []string{"abcd", "wxyz"}, "1abcdwxyz2abcd", "1<secret>2<secret>"},
		{"same twice", []string{"abcd", "abcd"}, "abcd.abcd", "<secret>.<secret>"},
		{"in the placeholder", []string{"secret", "longer one"}, "longer one secret", "<secret> <secret>"},
		{"too short", []string{"abc", ""}, "abc", "abc"},
		{"none", nil, "nothing to hide", "nothing to hide"},
		{"empty", []string{"abcd"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // whatever the order of maps
				var r Redactor
				r.Add(c.secrets...)
				require.Equal(t, c.want, r.String(c.text))
			}
			var backwards Redactor
			for i := len(c.secrets) - 1; i >= 0; i-- {
				backwards.Add(c.secrets[i])
			}
			require.Equal(t, c.want, backwards.String(c.text))
		})
	}
}

func TestRedactorConcurrent(t *testing.T) {
	t.Parallel()
	var r Redactor
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			r.Add(fmt.Sprintf("secret-%d", i))
		}
	}()
	for range 50 {
		_ = r.String("a secret-7 in between")
	}
	<-done
	require.Equal(t, "a <secret> in between", r.String("a secret-7 in between"))
}

func FuzzRedact(f *testing.F) {
	f.Add("hunter2", "it was hunter2!")
	f.Add("aaaa", "aaaaaaaaa")
	f.Add(awkward, url.QueryEscape(awkward))
	f.Fuzz(func(t *testing.T, value, text string) {
		var r Redactor
		r.Add(value)
		got := r.String(text + value + text)
		if len(value) < minRedacted {
			require.Equal(t, text+value+text, got)
			return
		}
		// What is left between placeholders holds no spelling of the secret.
		for _, piece := range strings.Split(got, placeholder) {
			for _, s := range spellings(value) {
				if strings.Contains(piece, s) && !strings.Contains(placeholder, s) {
					t.Fatalf("%q is left in %q", s, got)
				}
			}
		}
	})
}
