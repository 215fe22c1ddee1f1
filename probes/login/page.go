package login

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"github.com/idp-exporter/idp_exporter/probes"
)

// page is a provider's HTML page.
type page struct {
	doc   *goquery.Document
	base  *url.URL // what its links are relative to
	at    *url.URL // where it was found
	forms []*form
}

// form is a form with the controls that belong to it.
type form struct {
	action, method, enctype string
	// words name the form: its id, name, class and action.
	words    string
	controls []*control
}

// control is an input, button, select or textarea that is not disabled.
type control struct {
	kind, name, id, value string
	text                  string // of a button
	words                 string // autocomplete and such
	checked, required     bool
	action, method        string // formaction and formmethod of a button
}

// parsePage reads a page found at a URL. Pages beyond the limits fail unread:
// a parser's time grows faster than its input.
func parsePage(content []byte, at *url.URL) (*page, error) {
	if len(content) > maxBody || bytes.Count(content, []byte("<")) > maxMarkup {
		return nil, probes.Failf(probes.ReasonTooLarge, "the page is larger than %d bytes or %d tags", maxBody, maxMarkup)
	}
	root, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, probes.Failf(probes.ReasonBadResponse, "the page cannot be read as HTML: %w", err)
	}
	p := &page{doc: goquery.NewDocumentFromNode(root), at: at, base: at}
	if href, ok := p.doc.Find("base[href]").First().Attr("href"); ok {
		if u, err := at.Parse(href); err == nil {
			p.base = u
		}
	}
	p.collect()
	return p, nil
}

// collect finds forms and hands each control to its owner: the form its `form`
// attribute names, or else the one it stands in.
func (p *page) collect() {
	owners, byID := map[*html.Node]*form{}, map[string]*form{}
	p.doc.Find("form").Each(func(_ int, s *goquery.Selection) {
		f := &form{
			action: s.AttrOr("action", ""), method: strings.ToUpper(s.AttrOr("method", "GET")), enctype: s.AttrOr("enctype", ""),
			words: attrs(s, "id", "name", "class", "action"),
		}
		p.forms = append(p.forms, f)
		owners[s.Nodes[0]] = f
		if id := s.AttrOr("id", ""); id != "" && byID[id] == nil {
			byID[id] = f
		}
	})
	p.doc.Find("input, button, select, textarea").Each(func(_ int, s *goquery.Selection) {
		n := s.Nodes[0]
		var owner *form
		if id, ok := s.Attr("form"); ok {
			owner = byID[id]
		} else {
			owner = p.owner(n, owners)
		}
		if _, off := s.Attr("disabled"); off || owner == nil {
			return
		}
		owner.controls = append(owner.controls, newControl(s))
	})
}

// owner is the form a node stands in. Parsing moves controls out of a form that
// stands wrongly inside a table; where the page has one form only, they are its.
func (p *page) owner(n *html.Node, owners map[*html.Node]*form) *form {
	for up := n.Parent; up != nil; up = up.Parent {
		if f := owners[up]; f != nil {
			return f
		}
	}
	if len(p.forms) == 1 {
		return p.forms[0]
	}
	return nil
}

func newControl(s *goquery.Selection) *control {
	c := &control{
		name: s.AttrOr("name", ""), id: s.AttrOr("id", ""), value: s.AttrOr("value", ""),
		words: attrs(s, "autocomplete", "class", "placeholder", "aria-label"), action: s.AttrOr("formaction", ""), method: strings.ToUpper(s.AttrOr("formmethod", "")),
	}
	_, c.checked = s.Attr("checked")
	_, c.required = s.Attr("required")
	switch s.Nodes[0].Data {
	case "button":
		c.kind, c.text = strings.ToLower(s.AttrOr("type", "submit")), shorten(s.Text(), 200)
	case "select":
		c.kind, c.value = "select", selected(s)
	case "textarea":
		c.kind, c.value = "textarea", s.Text()
	default:
		c.kind = strings.ToLower(s.AttrOr("type", "text"))
		if (c.kind == "checkbox" || c.kind == "radio") && c.value == "" {
			c.value = "on"
		}
	}
	return c
}

func selected(s *goquery.Selection) string {
	option := s.Find("option[selected]").First()
	if option.Length() == 0 {
		option = s.Find("option").First()
	}
	return option.AttrOr("value", strings.TrimSpace(option.Text()))
}

func attrs(s *goquery.Selection, names ...string) string {
	var words []string
	for _, n := range names {
		if v := s.AttrOr(n, ""); v != "" {
			words = append(words, shorten(v, 200))
		}
	}
	return strings.Join(words, " ")
}

// textual tells whether people type into the control; passwords aside.
func (c *control) textual() bool {
	return slices.Contains([]string{"text", "email", "tel", "number", "search", "url", "textarea"}, c.kind)
}

func (c *control) submits() bool { return c.kind == "submit" || c.kind == "image" }

// named tells whether a setting means this control.
func (c *control) named(s string) bool {
	return s != "" && (c.name == s || c.id == s || c.submits() && (strings.EqualFold(c.text, s) || strings.EqualFold(c.value, s)))
}

func (f *form) all(want func(*control) bool) []*control {
	var found []*control
	for _, c := range f.controls {
		if want(c) {
			found = append(found, c)
		}
	}
	return found
}

func (f *form) has(want func(*control) bool) bool { return slices.ContainsFunc(f.controls, want) }

// title is what the page calls itself.
func (p *page) title() string {
	if t := oneLine(p.doc.Find("title").First().Text()); t != "" {
		return t
	}
	return oneLine(p.doc.Find("h1").First().Text())
}

// alerts are where pages put what went wrong.
const alerts = `[role=alert], .error, .alert, .alert-error, .error-message, .errorlist, .login-error, .form-error, .invalid-feedback, ` +
	`#input-error, #error, .kc-feedback-text, .dex-error-box, .ulp-input-error-message, .ui-alert, [id^="error-element"]`

// complaint is the beginning of the page's error texts, by which it is told what
// went wrong; empty if there is none.
func (p *page) complaint() string { return p.alerts(200) }

// alerts joins the page's error texts, of each so many bytes.
func (p *page) alerts(most int) string {
	var said []string
	p.doc.Find(alerts).EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if text := shorten(s.Text(), most); text != "" && !slices.ContainsFunc(said, func(t string) bool { return strings.Contains(t, text) }) {
			said = append(said, text)
		}
		return len(said) < 3
	})
	return strings.Join(said, "; ")
}

// words is the beginning of the page's visible text.
func (p *page) words() string {
	body := p.doc.Find("body").First().Clone()
	body.Find("script, style, noscript, template").Remove()
	return shorten(body.Text(), 1000)
}

// describe says what the page is, for people.
func (p *page) describe() string {
	s := "the page"
	if t := p.title(); t != "" {
		s += " \"" + foreign(t, 100) + "\""
	}
	if c := p.alerts(maxBody); c != "" {
		s += ", which says: " + foreign(c, 600)
	}
	return s
}
