package webhook

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// The event web service of OMi and Operations Bridge Manager.
const (
	obmRoot   = "/opr-web/rest/"
	obmEvents = "/opr-web/rest/9.10/event_list"
	obmCookie = "secureModifyToken"
	obmHeader = "X-Secure-Modify-Token"
)

type obmEvent struct {
	XMLName         xml.Name  `xml:"http://www.hp.com/2009/software/opr/data_model event"`
	Title           string    `xml:"title"`
	Description     string    `xml:"description"`
	Severity        string    `xml:"severity"`
	State           string    `xml:"state"`
	Category        string    `xml:"category"`
	Application     string    `xml:"application"`
	Object          string    `xml:"object"`
	Key             string    `xml:"key"`
	CloseKeyPattern string    `xml:"close_key_pattern,omitempty"`
	Hints           *obmHints `xml:"related_ci_hints,omitempty"`
}

type obmHints struct {
	Type    string `xml:"type,attr"`
	Version string `xml:"version,attr"`
	Hint    string `xml:"hint"`
}

func obmFormat() *format {
	return &format{
		contentType: "application/xml", heartbeat: true, base: true, path: obmEvents, modifyToken: true,
		values: map[string]string{"application": "idp_exporter", "category": "Login", "ci_hint": "", "key_prefix": "idp"},
		word:   func(c bridges.Console) string { return c.OpenView },
		proof:  "accepted by the event web service",
		check: func(o *Options, c *checker) {
			if o.Basic == nil {
				c.add("basic", "the event web service asks for a user and password; set basic: {username, password_file}")
			}
		},
		body: func(m *message) ([]byte, http.Header, error) {
			body, err := xml.Marshal(obmBody(m))
			return append([]byte(xml.Header), body...), nil, err
		},
	}
}

// obmBody spells an alarm as an event that closes those before it: their keys
// have the same beginning.
func obmBody(m *message) obmEvent {
	a := m.Alarm
	e := obmEvent{Title: m.title(256), Description: bridges.Text(a.Text, 2048), Severity: m.word, State: "open",
		Category: m.value("category"), Application: m.value("application"), Object: bridges.Line(a.Target, 256)}
	prefix := m.value("key_prefix") + ":" + m.id()
	e.Key = prefix + ":" + string(m.known())
	if m.Kind != bridges.Heartbeat {
		e.CloseKeyPattern = prefix + ":<*>"
	}
	if m.Kind == bridges.Clear {
		e.Title = bridges.Line("cleared: "+e.Title, 256)
	}
	if hint := m.value("ci_hint"); hint != "" {
		e.Hints = &obmHints{"urn:x-hp:2009:software:data_model:opr:type:related_ci_hints", "1.0", hint}
	}
	return e
}

// modifyToken is the token that the service wants back, in a header, with the
// cookies of its session.
type modifyToken struct {
	options *Options
	format  *format
	client  *http.Client
	value   string
}

func (t *modifyToken) authorize(ctx context.Context, req *http.Request) error {
	if t.value == "" {
		if err := t.fetch(ctx, req.URL); err != nil {
			return err
		}
	}
	req.Header.Set(obmHeader, t.value)
	return nil
}

func (t *modifyToken) fetch(ctx context.Context, events *url.URL) error {
	root := *events
	root.Path, root.RawQuery = obmRoot, ""
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, root.String(), nil)
	if err != nil {
		return errAddress
	}
	if err := t.options.authorize(get, nil); err != nil {
		return err
	}
	resp, err := t.client.Do(get)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	for _, c := range resp.Cookies() {
		if c.Name == obmCookie {
			t.value = c.Value
		}
	}
	switch {
	case resp.StatusCode >= 300:
		// Not as a statusError: asking again at once would only lock the user out.
		return later(fmt.Errorf("no %s: %s", obmCookie, (&statusError{resp.StatusCode, string(said)}).Error()), resp.Header)
	case t.value == "":
		return fmt.Errorf("the answer to GET %s has no cookie %s; is this the event web service?", obmRoot, obmCookie)
	}
	return nil
}

// forget ends the session with its cookies.
func (t *modifyToken) forget() {
	t.value = ""
	t.client.Jar, _ = cookiejar.New(nil)
}

func (t *modifyToken) secrets() []string {
	if t.value == "" {
		return nil
	}
	return []string{t.value}
}
