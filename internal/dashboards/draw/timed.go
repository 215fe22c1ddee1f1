package draw

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// across returns where a time is.
func (p Picture) across(a area, at float64) float64 {
	from, to := seconds(p.From), seconds(p.To)
	return a.x + a.w*(math.Min(math.Max(at, from), to)-from)/(to-from)
}

// times draws the marks of annotations, as bands or as mere stripes at the foot, and
// the times below a plot.
func (p Picture) times(c *canvas, plot area, bands bool, regions []region) {
	for i, r := range regions {
		from, to := p.across(plot, r.from), p.across(plot, r.to)
		if to <= plot.x {
			continue
		}
		wide := math.Max(to-from, 2)
		if bands {
			c.rect(area{from, plot.y, wide, plot.h}, hex(r.color), `opacity="0.1"`)
		} else {
			c.rect(area{from, plot.y + plot.h - float64(i%3)*3 - 3, wide, 2.5}, hex(r.color), "")
		}
		c.path(fmt.Sprintf("M%s,%sv%s", px(from), px(plot.y), px(plot.h)), `stroke="`+hex(r.color)+`" stroke-dasharray="3 3" opacity="0.8"`)
	}
	every := 600.0
	if plot.w < 260 {
		every = 1200
	}
	for at := math.Ceil(seconds(p.From)/every) * every; at <= seconds(p.To); at += every {
		x := p.across(plot, at)
		if x < plot.x+12 || x > plot.x+plot.w-10 {
			continue
		}
		c.path(fmt.Sprintf("M%s,%sv4", px(x), px(plot.y+plot.h)), `stroke="`+faint+`"`)
		c.text(x, plot.y+plot.h+15, "a", "middle", clock(at), "")
	}
}

// legend draws names with their colors below a plot, in at most so many lines, and
// returns the lines that it takes. Without a canvas it only counts.
func legend(c *canvas, x, y, w float64, names, fills []string, most int) int {
	at, lines := 0.0, 1
	for i, name := range names {
		name = fit(name, w-18, 11)
		took := width(name, 11) + 30
		if at > 0 && at+took > w {
			if lines == most {
				if c != nil {
					c.text(x+at, y+float64(lines-1)*15, "a", "start", fmt.Sprintf("+%d", len(names)-i), "")
				}
				return lines
			}
			at, lines = 0, lines+1
		} else if rest := len(names) - 1 - i; lines == most && rest > 0 && at+took > w-24 {
			if c != nil {
				c.text(x+at, y+float64(lines-1)*15, "a", "start", fmt.Sprintf("+%d", rest+1), "")
			}
			return lines
		}
		if c != nil {
			c.rect(area{x + at, y + float64(lines-1)*15 - 8, 10, 8}, fills[i], `rx="2"`)
			c.text(x+at+14, y+float64(lines-1)*15, "l", "start", name, "")
		}
		at += took
	}
	return lines
}

// lines draws values over time, as lines or as a stack of bars.
func (p Picture) lines(c *canvas, panel *Panel, a area, all []curve, regions []region) {
	d := &panel.FieldConfig.Defaults
	stacked := d.Custom.Stacking.Mode == "normal"
	var names, fills []string
	for i, s := range all {
		names, fills = append(names, s.name), append(fills, palette[i%len(palette)])
	}
	if len(all) == 1 && names[0] == "" {
		names[0] = "value"
	}
	most := max(1, min(3, int(a.h/15)-7))
	rows := legend(nil, 0, 0, a.w, names, fills, most)
	legend(c, a.x, a.y+a.h-float64(rows-1)*15, a.w, names, fills, most)

	low, high := math.Inf(1), math.Inf(-1)
	layers := stack(all, stacked)
	for i, s := range all {
		for j, o := range s.points {
			top := o.Value
			if stacked {
				top = layers[i][j][1]
			}
			low, high = math.Min(low, math.Min(o.Value, top)), math.Max(high, top)
		}
	}
	y := newAxis(low, high, d.Unit, d.Min, d.Max)
	left := 0.0
	for _, l := range y.labels {
		left = math.Max(left, width(l, 10.5))
	}
	plot := a.inset(left+8, 6, 4, 24+float64(rows)*15)
	up := func(v float64) float64 { return plot.y + plot.h*(1-(math.Min(v, y.high)-y.low)/(y.high-y.low)) }
	for i, v := range y.ticks {
		c.path(fmt.Sprintf("M%s,%sh%s", px(plot.x), px(up(v)), px(plot.w)), `stroke="`+line+`"`)
		c.text(plot.x-6, up(v)+4, "a", "end", y.labels[i], "")
	}
	p.times(c, plot, true, regions)
	for i, s := range all {
		if stacked {
			c.path(p.blocks(plot, s.points, layers[i], up), `fill="`+fills[i]+`" opacity="0.85"`)
			continue
		}
		c.path(p.trace(plot, s.points, up), `fill="none" stroke="`+fills[i]+`" stroke-width="1.6" stroke-linejoin="round"`)
	}
}

// stack returns between which two values each point of each series is drawn.
func stack(all []curve, stacked bool) [][][2]float64 {
	layers := make([][][2]float64, len(all))
	top := map[float64]float64{}
	for i, s := range all {
		for _, o := range s.points {
			from := 0.0
			if stacked {
				from = top[o.At]
				top[o.At] += o.Value
			}
			layers[i] = append(layers[i], [2]float64{from, from + o.Value})
		}
	}
	return layers
}

// trace is the path of a line. Points on the straight between others are left out.
func (p Picture) trace(plot area, points []Point, up func(float64) float64) string {
	var b strings.Builder
	for begin := 0; begin < len(points); {
		end := begin + 1
		for end < len(points) && points[end].At-points[end-1].At < 1.5*p.Step.Seconds() {
			end++
		}
		some := points[begin:end]
		for i, o := range some {
			x, y := p.across(plot, o.At), up(o.Value)
			switch {
			case i == 0:
				_, _ = fmt.Fprintf(&b, "M%s,%s", px(x), px(y))
			case i == len(some)-1 || math.Abs(up(some[i-1].Value)+up(some[i+1].Value)-2*y) > .3 || math.Abs(up(some[i+1].Value)-y) > 3:
				_, _ = fmt.Fprintf(&b, "L%s,%s", px(x), px(y))
			}
		}
		if len(some) == 1 {
			b.WriteString("h1")
		}
		begin = end
	}
	return b.String()
}

// blocks is the path of bars that stand on those below; equal ones are one.
func (p Picture) blocks(plot area, points []Point, layers [][2]float64, up func(float64) float64) string {
	var b strings.Builder
	step := p.Step.Seconds()
	for i := 0; i < len(points); i++ {
		last := i
		for last+1 < len(points) && layers[last+1] == layers[i] && points[last+1].At-points[last].At < 1.5*step {
			last++
		}
		if layers[i][1] > layers[i][0] {
			x, end := p.across(plot, points[i].At-step/2), p.across(plot, points[last].At+step/2)
			y := up(layers[i][1])
			_, _ = fmt.Fprintf(&b, "M%s,%sh%sv%sh-%sz", px(x), px(y), px(end-x), px(up(layers[i][0])-y), px(end-x))
		}
		i = last
	}
	return b.String()
}

// stripes is the room for annotations below the rows of a timeline, so that they
// do not tinge what it tells by color.
const stripes = 11

// timeline draws over time in which state each series was.
func (p Picture) timeline(c *canvas, panel *Panel, a area, all []curve, regions []region) {
	high := (a.h - 44 - stripes) / float64(len(all))
	size := math.Min(11.5, high*.85)
	left := 0.0
	for _, s := range all {
		left = math.Max(left, width(s.name, size))
	}
	left = math.Min(left+10, a.w*.46)
	plot := area{a.x + left, a.y, a.w - left - 4, high*float64(len(all)) + stripes}
	type state struct{ text, color string }
	var seen []state
	for i, s := range all {
		row := area{plot.x, plot.y + float64(i)*high, plot.w, high}
		c.text(plot.x-8, row.y+high/2+size*.36, "l", "end", fit(s.name, left-8, size), sized(size))
		c.rect(row.inset(0, high*.1, 0, high*.1), "#f3f4f6", "")
		for j := 0; j < len(s.points); {
			last := j
			for last+1 < len(s.points) && s.points[last+1].Value == s.points[j].Value && s.points[last+1].At-s.points[last].At < 1.5*p.Step.Seconds() {
				last++
			}
			text, color := panel.Looks(s.points[j].Value)
			if !slices.Contains(seen, state{text, color}) {
				seen = append(seen, state{text, color})
			}
			from, to := p.across(row, s.points[j].At), p.across(row, s.points[last].At+p.Step.Seconds())
			c.rect(area{from, row.y + high*.1, to - from, high * .8}, hex(color), "")
			j = last + 1
		}
	}
	p.times(c, plot, false, regions)
	slices.SortFunc(seen, func(a, b state) int { return strings.Compare(b.text, a.text) })
	var names, fills []string
	for _, s := range seen {
		names, fills = append(names, s.text), append(fills, hex(s.color))
	}
	legend(c, a.x, a.y+a.h, a.w, names, fills, 1)
}
