package draw

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// tiles draws the present value of each series in large type.
func tiles(c *canvas, panel *Panel, a area, all []curve) {
	columns := arranged(len(all), a)
	rows := (len(all) + columns - 1) / columns
	w, h := a.w/float64(columns), a.h/float64(rows)
	for i, s := range all {
		tile := area{a.x + float64(i%columns)*w, a.y + float64(i/columns)*h, w - 3, h - 3}
		text, color := panel.Looks(s.last())
		c.rect(tile, hex(color), `rx="3"`)
		paint := `fill:` + on(color)
		middle := tile.x + tile.w/2
		name := ""
		if len(all) > 1 || panel.Options.TextMode == "value_and_name" {
			name = s.name
		}
		most := math.Min(64, tile.h*.6)
		if name != "" {
			most = math.Min(40, tile.h*.42)
		}
		size := fitting(text, tile.w-16, 9, most)
		y := tile.y + tile.h/2 + size*.36
		if name != "" {
			small := fitting(name, tile.w-8, 8, math.Min(13, tile.h*.28))
			c.text(middle, tile.y+small+math.Max(2, tile.h*.08), "l", "middle", fit(name, tile.w-6, small), `style="font-size:`+px(small)+`px;`+paint+`"`)
			y += small * .55
		}
		c.text(middle, y, "v", "middle", fit(text, tile.w, size), `style="font-size:`+px(size)+`px;`+paint+`"`)
	}
}

// arranged returns in how many columns tiles are least far from three to one.
func arranged(n int, a area) int {
	best, far := 1, math.Inf(1)
	for columns := 1; columns <= n; columns++ {
		rows := (n + columns - 1) / columns
		off := math.Abs(math.Log((a.w / float64(columns)) / (a.h / float64(rows)) / 2.5))
		off += .2 * float64(columns*rows-n)
		if off < far {
			best, far = columns, off
		}
	}
	return best
}

// bars draws the present value of each series as a bar.
func bars(c *canvas, panel *Panel, a area, all []curve) {
	d := &panel.FieldConfig.Defaults
	low, high := 0.0, 0.0
	for _, s := range all {
		low, high = math.Min(low, s.last()), math.Max(high, s.last())
	}
	if d.Max != nil {
		high = *d.Max
	}
	if high <= low {
		high = low + 1
	}
	h := math.Min(a.h/float64(len(all)), 40)
	size := math.Min(11.5, h*.7)
	left, right := 0.0, 0.0
	for _, s := range all {
		text, _ := panel.Looks(s.last())
		left, right = math.Max(left, width(s.name, size)), math.Max(right, width(text, size)*bold)
	}
	left = math.Min(left, a.w*.6)
	for i, s := range all {
		text, color := panel.Looks(s.last())
		row := area{a.x, a.y + float64(i)*h, a.w, h}
		c.text(row.x, row.y+h/2+size*.36, "l", "start", fit(s.name, left, size), sized(size))
		bar := area{row.x + left + 10, row.y + h*.15, a.w - left - right - 22, h * .7}
		c.rect(bar, "#eef0f3", `rx="2"`)
		fill := hex(color)
		if color == "text" || color == "" {
			fill = palette[0]
		}
		c.rect(area{bar.x, bar.y, math.Max(1, bar.w*(s.last()-low)/(high-low)), bar.h}, fill, `rx="2"`)
		c.text(row.x+row.w, row.y+h/2+size*.36, "v", "end", text, sized(size))
	}
}

// table draws series as rows, their labels as columns.
func table(c *canvas, panel *Panel, a area, all []curve) {
	columns, titles := columnsOf(panel)
	cell := func(s curve, column string) string {
		if column == "Value" {
			text, _ := panel.Looks(s.last())
			return text
		}
		return s.labels[column]
	}
	ranked := slices.ContainsFunc(panel.Targets, func(t Target) bool { return strings.HasPrefix(t.Expr, "topk(") })
	rows := slices.SortedStableFunc(slices.Values(all), func(a, b curve) int {
		if ranked && a.last() != b.last() {
			return cmp.Compare(b.last(), a.last())
		}
		return slices.CompareFunc(columns, columns, func(x, _ string) int { return strings.Compare(cell(a, x), cell(b, x)) })
	})
	const high, size = 20.0, 11.5
	room := int(a.h/high) - 1
	shown := rows
	if len(rows) > room {
		shown = rows[:room-1]
	}
	wants, sum := make([]float64, len(columns)), 0.0
	for i, column := range columns {
		wants[i] = width(titles[i], size)
		for _, s := range shown {
			wants[i] = math.Max(wants[i], width(cell(s, column), size))
		}
		wants[i] += 14
		sum += wants[i]
	}
	x := a.x
	for i, column := range columns {
		w := wants[i] * a.w / sum
		c.text(x, a.y+12, "k", "start", fit(titles[i], w-4, size), "")
		for j, s := range shown {
			class := "l"
			if column == "step" || column == "reason" {
				class = "v"
			}
			c.text(x, a.y+float64(j+1)*high+13, class, "start", fit(cell(s, column), w-4, size), sized(size))
		}
		x += w
	}
	for j := range len(shown) + 1 {
		c.path(fmt.Sprintf("M%s,%sh%s", px(a.x), px(a.y+float64(j+1)*high-1), px(a.w)), `stroke="`+line+`"`)
	}
	if n := len(rows) - len(shown); n > 0 {
		c.text(a.x, a.y+float64(len(shown)+1)*high+13, "a", "start", "and "+strconv.Itoa(n)+" more", "")
	}
}

// columnsOf returns the columns of a table in their order, and what they are called.
func columnsOf(panel *Panel) (columns, titles []string) {
	for _, t := range panel.Transformations {
		o := t.Options
		for name := range o.IndexByName {
			if !o.ExcludeByName[name] {
				columns = append(columns, name)
			}
		}
		slices.SortFunc(columns, func(a, b string) int { return cmp.Compare(o.IndexByName[a], o.IndexByName[b]) })
		for _, name := range columns {
			titles = append(titles, cmp.Or(o.RenameByName[name], name))
		}
	}
	return columns, titles
}
