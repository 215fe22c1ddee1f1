package systemcenter

import (
	"path"
	"regexp"
	"strings"
)

// mamlWriter writes sections of MAML.
type mamlWriter struct {
	strings.Builder
	depth int
}

const mamlIndent = "            "

func (w *mamlWriter) line(s string) {
	if strings.HasPrefix(s, "</") {
		w.depth--
	}
	w.WriteString(mamlIndent + strings.Repeat("  ", w.depth) + s + "\n")
	if !strings.HasPrefix(s, "</") && !strings.Contains(s, "</") {
		w.depth++
	}
}

func (w *mamlWriter) open(title string) {
	w.line(`<maml:section xmlns:maml="` + maml + `">`)
	w.item("title", plain(title))
}

func (w *mamlWriter) close() { w.line("</maml:section>") }

// item writes an element; content is XML.
func (w *mamlWriter) item(element, content string) {
	w.line("<maml:" + element + ">" + content + "</maml:" + element + ">")
}

// blocks writes the blocks of Markdown that runbooks are made of: paragraphs,
// lists and code.
func (w *mamlWriter) blocks(l library, body string) {
	for _, block := range strings.Split(body, "\n\n") {
		switch {
		case strings.HasPrefix(block, "    "):
			w.item("para", plain(strings.TrimSpace(block)))
		case strings.HasPrefix(block, "- "):
			w.line("<maml:list>")
			for _, item := range strings.Split(block[2:], "\n- ") {
				w.line("<maml:listItem>")
				w.item("para", l.inline(item))
				w.line("</maml:listItem>")
			}
			w.line("</maml:list>")
		default:
			w.item("para", l.inline(block))
		}
	}
}

var (
	mdLink     = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`)
	mdEmphasis = regexp.MustCompile(`\*([^*\s][^*]*)\*`)
)

// inline turns links into links and leaves out the marks of code and emphasis.
func (l library) inline(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	var b strings.Builder
	end := 0
	for _, m := range mdLink.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(plain(unmarked(s[end:m[0]])))
		b.WriteString(link(unmarked(s[m[2]:m[3]]), l.address(s[m[4]:m[5]])))
		end = m[1]
	}
	b.WriteString(plain(unmarked(s[end:])))
	return b.String()
}

func unmarked(s string) string {
	parts := strings.Split(s, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = mdEmphasis.ReplaceAllString(parts[i], "$1")
	}
	return strings.Join(parts, "")
}

// address makes an address of a link out of a runbook.
func (l library) address(target string) string {
	if strings.Contains(target, "://") {
		return target
	}
	return l.site.URL + path.Join("docs/runbooks", target)
}

func link(text, address string) string {
	return `<maml:navigationLink><maml:linkText>` + plain(text) + `</maml:linkText><maml:uri href="` + strings.ReplaceAll(plain(address), `"`, "&quot;") + `" /></maml:navigationLink>`
}

// plain makes a text fit to stand in XML.
func plain(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
