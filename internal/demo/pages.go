package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed pages
var pageFiles embed.FS

// pages renders the provider's HTML. Each page is one document without scripts,
// images or anything else to fetch.
type pages struct {
	templates map[string]*template.Template
	style     template.CSS
	styleHash string // for the Content-Security-Policy
}

type loginView struct{ Action, CSRF, Client, Username, Alert string }

type consentView struct {
	Action, CSRF, Client, Name string
	Scopes                     []string
}

type errorView struct{ Message string }

func newPages() (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("reading the page style: %w", err)
	}
	hash := sha256.Sum256(style)
	p := &pages{
		templates: map[string]*template.Template{},
		style:     template.CSS(style), //nolint:gosec // our own file
		styleHash: base64.StdEncoding.EncodeToString(hash[:]),
	}
	for _, name := range []string{"login", "consent", "error"} {
		t, err := template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	return p, nil
}

// show writes a page. Browsers apply form-action to the redirects that follow a
// form too, so it must allow the client's redirect URI.
func (p *pages) show(w http.ResponseWriter, status int, name, redirectURI string, view any) {
	var body bytes.Buffer
	data := struct {
		Style template.CSS
		View  any
	}{p.style, view}
	if err := p.templates[name].ExecuteTemplate(&body, "layout", data); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	formAction := "'self'"
	if u, err := url.Parse(redirectURI); err == nil && u.Host != "" {
		formAction += " " + u.Scheme + "://" + u.Host
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+p.styleHash+
		"'; form-action "+formAction+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	noStore(w)
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the browser being gone is no error of ours
}

// errorPage tells a person what is wrong when no client can be told.
func (p *Provider) errorPage(w http.ResponseWriter, status int, message string) {
	p.pages.show(w, status, "error", "", errorView{message})
}
