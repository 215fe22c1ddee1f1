package systemcenter

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

// maml is the namespace of the text that knowledge is written in.
const maml = "http://schemas.microsoft.com/maml/2004/10"

// library is the runbooks, as knowledge for alerts.
type library struct {
	site  pack.Site
	names []string
	pages map[string]string
}

// notForConsoles are sections of runbooks that speak of Alertmanager.
var notForConsoles = []string{"How to silence", "How it decides"}

func newLibrary(site pack.Site, files fs.FS) (library, error) {
	found, err := fs.Glob(files, "runbooks/IdP*.md")
	if err != nil {
		return library{}, err
	}
	l := library{site: site, pages: map[string]string{}}
	for _, f := range found {
		text, err := fs.ReadFile(files, f)
		if err != nil {
			return library{}, err
		}
		name := strings.TrimSuffix(path.Base(f), ".md")
		l.names = append(l.names, name)
		l.pages[name] = string(text)
	}
	if len(l.names) == 0 {
		return library{}, fmt.Errorf("there is no runbook among the documents")
	}
	return l, nil
}

// page is a runbook as knowledge, with a link to the whole of it.
func (l library) page(name string) string {
	var w mamlWriter
	for _, s := range l.sections(name) {
		if slices.Contains(notForConsoles, s.title) {
			continue
		}
		w.open(s.title)
		w.blocks(l, s.body)
		w.close()
	}
	w.open("More")
	w.item("para", link(name, l.site.Runbook(name)))
	w.item("para", "For planned work, put the object into maintenance mode.")
	w.close()
	return w.String()
}

// alarms is what to read about alarms of a severity, of all for the empty one:
// a list of the runbooks that can be meant.
func (l library) alarms(s probes.Severity, summary string) string {
	var w mamlWriter
	w.open("Summary")
	w.item("para", plain(summary))
	w.close()
	w.open("What to do")
	w.item("para", plain("The alert's text names the runbook. These can be meant:"))
	w.line("<maml:list>")
	for _, name := range l.names {
		severity := severityOf(l.pages[name])
		if s != "" && severity != string(s) && severity != "the probe's" {
			continue
		}
		w.line("<maml:listItem>")
		w.item("para", link(name, l.site.Runbook(name))+plain(": "+l.meaning(name)))
		w.line("</maml:listItem>")
	}
	w.line("</maml:list>")
	w.item("para", link("All runbooks", l.site.Runbook("")))
	w.close()
	return w.String()
}

func (l library) plain(title, body string) string {
	var w mamlWriter
	w.open(title)
	w.item("para", plain(body))
	w.close()
	return w.String()
}

type section struct{ title, body string }

func (l library) sections(name string) []section {
	var all []section
	for _, part := range strings.Split(l.pages[name], "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		all = append(all, section{title, strings.TrimSpace(body)})
	}
	return all
}

// meaning is the first paragraph of the section on what people notice.
func (l library) meaning(name string) string {
	for _, s := range l.sections(name) {
		first, _, _ := strings.Cut(s.body, "\n\n")
		return strings.ReplaceAll(mdLink.ReplaceAllString(first, "$1"), "`", "")
	}
	return ""
}

var severityLine = regexp.MustCompile(`(?m)^Severity: ([^.]+)\.`)

func severityOf(page string) string {
	m := severityLine.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}
