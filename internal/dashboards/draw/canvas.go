package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// canvas takes the marks of a picture.
type canvas struct{ bytes.Buffer }

// area is a rectangle in pixels.
type area struct{ x, y, w, h float64 }

// inset is the area without margins at its four sides.
func (a area) inset(left, top, right, bottom float64) area {
	return area{a.x + left, a.y + top, a.w - left - right, a.h - top - bottom}
}

// px writes a length.
func px(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(strings.TrimSuffix(s, ".0"), "-0")
}

// rect draws a filled rectangle. more are further attributes.
func (c *canvas) rect(a area, fill, more string) {
	_, _ = fmt.Fprintf(c, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"%s/>`+"\n", px(a.x), px(a.y), px(a.w), px(a.h), fill, attributes(more))
}

// path draws a path.
func (c *canvas) path(d, more string) {
	if d != "" {
		_, _ = fmt.Fprintf(c, `<path d="%s"%s/>`+"\n", d, attributes(more))
	}
}

func attributes(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

// text writes one line; class names its looks, anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, s, more string) {
	if anchor != "start" {
		more = strings.TrimSpace(`text-anchor="` + anchor + `" ` + more)
	}
	_, _ = fmt.Fprintf(c, `<text class="%s" x="%s" y="%s"%s>`, class, px(x), px(y), attributes(more))
	_ = xml.EscapeText(c, []byte(s)) // a buffer takes all
	c.WriteString("</text>\n")
}

// sized is an attribute for text of another size than its class has.
func sized(size float64) string { return `style="font-size:` + px(size) + `px"` }

// width estimates how wide a text is, for the widest of the usual fonts.
func width(s string, size float64) float64 {
	sum := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljI.,:;|!'()[] ", r):
			sum += .36
		case strings.ContainsRune("mwMW@%", r):
			sum += .95
		case r >= 'A' && r <= 'Z':
			sum += .72
		default:
			sum += .615
		}
	}
	return sum * size
}

// fit cuts a text that is too wide.
func fit(s string, most, size float64) string {
	if width(s, size) <= most {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && width(string(r)+"…", size) > most {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + "…"
}

// bold is how much wider bold type is.
const bold = 1.14

// fitting returns the largest size, within limits, in which a bold text is not too wide.
func fitting(s string, most, least, size float64) float64 {
	for size > least && bold*width(s, size) > most {
		size--
	}
	return size
}

// Colors of texts and lines.
const (
	ink   = "#1f2937"
	faint = "#6b7280"
	line  = "#e5e7eb"
)

// colors are the names that dashboards use.
var colors = map[string]string{
	"green": "#2f9e5b", "yellow": "#e8b708", "orange": "#ea7a17", "red": "#cf222e", "blue": "#2f6fd6", "purple": "#8b4fc6", "text": "#e5e7eb",
}

// on is the color of text on a color.
func on(color string) string {
	if color == "yellow" || color == "text" || color == "" {
		return ink
	}
	return "#ffffff"
}

func hex(color string) string {
	if h, ok := colors[color]; ok {
		return h
	}
	return colors["text"]
}

// palette tells lines from each other.
var palette = []string{
	"#2f6fd6", "#ea7a17", "#2f9e5b", "#8b4fc6", "#cf222e", "#12a4b4", "#b8860b", "#d6458b", "#5b6f8f", "#7a9a01", "#8c564b", "#3f3fbf",
}

const style = `text{font-family:"Helvetica Neue",Helvetica,Arial,"DejaVu Sans",sans-serif;font-size:11px;fill:` + ink + `}
.h{font-size:24px;font-weight:700}.d{font-size:13px;fill:` + faint + `}.r{font-size:14px;font-weight:700}.t{font-size:12.5px;font-weight:700}
.a{font-size:10.5px;fill:` + faint + `}.n{font-size:13px;fill:` + faint + `}.k{font-weight:700;fill:` + faint + `}.v{font-weight:700}`
