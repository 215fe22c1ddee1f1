package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

// hidden stands in an expanded file for a secret that the file itself holds.
const hidden = strict.LeftOut

// secret tells whether a value that was read as a secret is one itself.
func (w *writer) secret(n *yaml.Node) bool { return w.doc.IsSecret(n) && !strict.IsReference(n.Value) }

func (w *writer) hide(n *yaml.Node, instead string) {
	w.left = true
	*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: instead, LineComment: "left out"}
}

// free are mappings whose keys are the operator's.
var free = map[string]bool{"headers": true, "params": true, "parameters": true, "env": true, "values": true, "slots": true}

// said are keys of what is sent as it is.
var said = map[string]bool{"body": true, "send": true}

// revealing are names of what is secret, carrying the texts with some in them.
// The short ones count as whole words.
var (
	revealing = regexp.MustCompile(`(?i)auth|cookie|pass|pwd|secret|token|key|credential|assertion|signature|(?:^|[^a-z])(?:code|otp|pin|pw|sig)(?:[^a-z]|$)`)
	carrying  = regexp.MustCompile(revealing.String() + `|login`)
	// credentials are a user and a password as curl and others take them.
	credentials = regexp.MustCompile(`(?:^|\s)(?:-u|--user)[\s=]*\S*:\S`)
)

// harmless are the headers whose values are printed; any other may let somebody in.
var harmless = map[string]bool{
	"accept": true, "accept-charset": true, "accept-encoding": true, "accept-language": true, "cache-control": true, "connection": true, "content-language": true,
	"content-type": true, "date": true, "dnt": true, "host": true, "if-modified-since": true, "if-none-match": true, "pragma": true, "user-agent": true,
	"x-forwarded-for": true, "x-forwarded-host": true, "x-forwarded-port": true, "x-forwarded-proto": true, "x-requested-with": true,
}

// hideText hides what is no secret by its type and may hold one nevertheless:
// credentials among headers and parameters, texts that carry some, passwords and
// keys in URLs, and the addresses of chats, which let anybody write there.
func (w *writer) hideText(key string, n *yaml.Node) {
	if w.within == "headers" && !harmless[strings.ToLower(key)] || free[w.within] && revealing.MatchString(key) || said[key] && carrying.MatchString(n.Value) {
		w.hide(n, hidden)
		return
	}
	w.hideURL(key, n)
}

func (w *writer) hideURL(key string, n *yaml.Node) {
	path := strings.HasPrefix(n.Value, "/") && strings.Contains(n.Value, "?")
	if !path && !strings.Contains(n.Value, "://") {
		return
	}
	u, err := url.Parse(n.Value)
	if err != nil {
		return
	}
	if w.within == "bridges" && key == "url" && (u.RawQuery != "" || strings.Trim(u.Path, "/") != "") {
		w.hide(n, u.Scheme+"://"+u.Host+"/"+hidden)
		return
	}
	found := false
	if _, password := u.User.Password(); password {
		u.User, found = url.User(u.User.Username()), true
	}
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); value != "" && revealing.MatchString(name) {
			pairs[i], found = name+"="+hidden, true
		}
	}
	if found {
		u.RawQuery = strings.Join(pairs, "&")
		w.hide(n, u.String())
	}
}

// hideItem hides in an item of a list what hideText does, and what a command is
// given after, or in, an argument that names a secret: --password X, token=X.
func (w *writer) hideItem(before []*yaml.Node, i int, n *yaml.Node) {
	if w.list == "command" && i > 0 {
		named, last := revealing.MatchString(n.Value), before[i-1].Value
		switch {
		case named && strings.ContainsAny(n.Value, "=: "), i > 1 && strings.HasPrefix(last, "-") && revealing.MatchString(last) && !strings.ContainsAny(last, "=: "),
			credentials.MatchString(n.Value), credentials.MatchString(last + " " + n.Value),
			slices.ContainsFunc(before, func(b *yaml.Node) bool { return b.Value == strict.Unknown }): // who knows what the mark stands for
			w.hide(n, hidden)
			return
		}
	}
	w.hideURL("", n)
}
