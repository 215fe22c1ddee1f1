package draw

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Note stands at the foot of every picture.
const Note = "Drawn by idp_exporter from query results of a simulated one-hour incident; not a picture of Grafana."

// Picture is a dashboard with the answers to its questions.
type Picture struct {
	Board Board
	// From and To are the range of time that it shows, Step is the interval of
	// the values in it.
	From, To time.Time
	Step     time.Duration
	// Chosen says, for people, what is chosen at the top of the dashboard.
	Chosen string
	// Answers has the series of every one of Board.Questions.
	Answers map[Question][]Series
}

// The measures of a picture, in pixels.
const (
	margin = 16.0
	gap    = 8.0
	column = 52.0 // with the gap
	level  = 36.0 // of the grid, with the gap
	wide   = 2*margin + 24*column - gap
	head   = 96.0
	foot   = 40.0
)

// SVG draws the picture.
func (p Picture) SVG() ([]byte, error) {
	for _, q := range p.Board.Questions() {
		if _, ok := p.Answers[q]; !ok {
			return nil, fmt.Errorf("drawing %s: no answer to %s", p.Board.Title, q.Expr)
		}
	}
	rows := 0
	for _, panel := range p.Board.Panels {
		rows = max(rows, panel.GridPos.Y+panel.GridPos.H)
	}
	high := head + float64(rows)*level + foot
	c := &canvas{}
	_, _ = fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img">`+"\n", px(wide), px(high), px(wide), px(high))
	_, _ = fmt.Fprintf(c, "<title>%s</title>\n<desc>%s</desc>\n<style>%s</style>\n", escaped(p.Board.Title), escaped(Note), style)
	c.rect(area{0, 0, wide, high}, "#f3f4f6", "")
	regions := p.regions()
	p.header(c, regions)
	for i := range p.Board.Panels {
		panel := &p.Board.Panels[i]
		g := panel.GridPos
		a := area{margin + float64(g.X)*column, head + float64(g.Y)*level, float64(g.W)*column - gap, float64(g.H)*level - gap}
		if panel.Type == "row" {
			c.text(a.x+2, a.y+a.h-6, "r", "start", panel.Title, "")
			continue
		}
		p.panel(c, panel, a, regions)
	}
	c.text(margin+2, high-foot/2+2, "d", "start", Note, "")
	c.WriteString("</svg>\n")
	return c.Bytes(), nil
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func (p Picture) header(c *canvas, regions []region) {
	c.text(margin+2, 36, "h", "start", p.Board.Title, "")
	c.text(margin+2, 58, "d", "start", p.Board.Description, "")
	c.text(wide-margin-2, 36, "d", "end", fmt.Sprintf("%s · %s to %s", p.Chosen, p.From.UTC().Format("15:04"), p.To.UTC().Format("15:04")), "")
	x := margin + 2
	for i, r := range regions {
		s := fmt.Sprintf("%s, %s to %s", r.title, clock(r.from), clock(r.to))
		if r.to >= seconds(p.To) {
			s = fmt.Sprintf("%s, since %s", r.title, clock(r.from))
		}
		w := width(s, 11) + 32
		if x+w > wide-margin-80 && i < len(regions)-1 {
			c.text(x, 82, "a", "start", fmt.Sprintf("and %d more", len(regions)-i), "")
			return
		}
		c.rect(area{x, 73, 12, 12}, hex(r.color), `rx="2" opacity="0.75"`)
		c.text(x+17, 83, "l", "start", s, "")
		x += w
	}
}

func (p Picture) panel(c *canvas, panel *Panel, a area, regions []region) {
	c.WriteString("<g>\n")
	defer c.WriteString("</g>\n")
	c.rect(a, "#ffffff", `rx="4" stroke="`+line+`"`)
	c.text(a.x+10, a.y+19, "t", "start", fit(panel.Title, a.w-16, 13), "")
	inner := a.inset(10, 28, 10, 8)
	all := p.series(panel)
	if len(all) == 0 {
		c.text(inner.x+inner.w/2, inner.y+inner.h/2, "n", "middle", cmp.Or(panel.FieldConfig.Defaults.NoValue, "no data"), "")
		return
	}
	switch panel.Type {
	case "stat":
		tiles(c, panel, inner, all)
	case "bargauge":
		bars(c, panel, inner, all)
	case "table":
		table(c, panel, inner, all)
	case "state-timeline":
		p.timeline(c, panel, inner, all, regions)
	default:
		p.lines(c, panel, inner, all, regions)
	}
}

// curve is a series with its name.
type curve struct {
	name   string
	labels map[string]string
	points []Point
}

func (c curve) last() float64 { return c.points[len(c.points)-1].Value }

// series gathers what the queries of a panel returned, without what is no number.
func (p Picture) series(panel *Panel) []curve {
	var all []curve
	for _, t := range panel.Targets {
		var some []curve
		for _, s := range p.Answers[t.Question()] {
			points := slices.DeleteFunc(slices.Clone(s.Points), func(o Point) bool { return math.IsNaN(o.Value) || math.IsInf(o.Value, 0) })
			if len(points) > 0 {
				some = append(some, curve{strings.TrimSpace(named(t.LegendFormat, s.Labels)), s.Labels, points})
			}
		}
		if !strings.HasPrefix(t.Expr, "sort") && !strings.HasPrefix(t.Expr, "topk") {
			slices.SortStableFunc(some, func(a, b curve) int { return strings.Compare(a.name, b.name) })
		}
		all = append(all, some...)
	}
	return all
}

// region is a time that an annotation marks.
type region struct {
	title, color string
	from, to     float64
}

// regions are the annotations, by start.
func (p Picture) regions() []region {
	var all []region
	for _, a := range p.Board.Annotations.List {
		for _, s := range p.Answers[Question{a.Expr, false}] {
			for i, o := range s.Points {
				if i == 0 || o.At-s.Points[i-1].At > 1.5*p.Step.Seconds() {
					all = append(all, region{title: named(a.TitleFormat, s.Labels), color: a.IconColor, from: o.At})
				}
				all[len(all)-1].to = math.Min(o.At+p.Step.Seconds(), seconds(p.To))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b region) int { return cmp.Or(cmp.Compare(a.from, b.from), strings.Compare(a.title, b.title)) })
	return all
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

func clock(at float64) string { return time.Unix(int64(at), 0).UTC().Format("15:04") }
