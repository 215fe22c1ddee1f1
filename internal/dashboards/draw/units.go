package draw

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// spell writes a value in a unit of Grafana's.
func spell(v float64, unit string) string {
	of, name := scaleOf(math.Abs(v), unit)
	return number(v/of) + name
}

// scaleOf returns by what to divide values of about the size of v, and what to
// write after them.
func scaleOf(v float64, unit string) (float64, string) {
	type scale struct {
		from, of float64
		name     string
	}
	var scales []scale
	if name, ok := strings.CutPrefix(unit, "suffix:"); ok { // a unit of one's own
		return 1, name
	}
	switch unit {
	case "percentunit":
		return .01, " %"
	case "reqps":
		return 1, " req/s"
	case "bytes":
		scales = []scale{{1 << 40, 1 << 40, " TiB"}, {1 << 30, 1 << 30, " GiB"}, {1 << 20, 1 << 20, " MiB"}, {1 << 10, 1 << 10, " KiB"}, {0, 1, " B"}}
	case "s":
		scales = []scale{{2 * 86400, 86400, " days"}, {2 * 3600, 3600, " hours"}, {120, 60, " min"}, {.9995, 1, " s"}, {.9995e-3, 1e-3, " ms"}, {1e-12, 1e-6, " µs"}, {0, 1, " s"}}
	default:
		scales = []scale{{1e6, 1e6, " million"}, {1e4, 1e3, " thousand"}, {0, 1, ""}}
	}
	for _, s := range scales {
		if v >= s.from {
			return s.of, s.name
		}
	}
	return 1, ""
}

// number writes a number with three digits that count.
func number(v float64) string {
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'f', max(0, min(digits, 6)), 64), 64) // of a number it wrote itself
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// axis is a vertical axis: its ends, and the values with a label.
type axis struct {
	low, high float64
	ticks     []float64
	labels    []string
}

// newAxis makes an axis for values between two ends, which are given or found.
func newAxis(low, high float64, unit string, lowest, highest *float64) axis {
	if lowest != nil {
		low = *lowest
	}
	if highest != nil {
		high = *highest
	}
	if high-low < 1e-12 {
		high = low + math.Max(math.Abs(low)*.2, 1e-9)
		if low == 0 {
			high = 1
		}
	}
	of, name := scaleOf(math.Max(math.Abs(low), math.Abs(high)), unit)
	width, from, to := steps(low/of, high/of)
	if highest == nil { // the top may be one of the next unit
		of, name = scaleOf(math.Max(math.Abs(low), to*width*of), unit)
		width, from, to = steps(low/of, high/of)
	}
	a := axis{low: from * width * of, high: to * width * of}
	if highest != nil {
		a.high = *highest
	}
	for i := from; i <= to; i++ {
		if v := i * width * of; v <= a.high*(1+1e-9) || a.high <= 0 {
			a.ticks = append(a.ticks, v)
			a.labels = append(a.labels, fmt.Sprintf("%s%s", number(math.Round(i*width*1e9)/1e9), name))
		}
	}
	return a
}

// steps returns how far the labels of an axis are apart, and the first and the last
// of them counted in that.
func steps(low, high float64) (width, from, to float64) {
	width = stepOf((high - low) / 4)
	return width, math.Floor(low/width + 1e-9), math.Ceil(high/width - 1e-9)
}

// stepOf returns the next 1, 2 or 5 times a power of ten.
func stepOf(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*power*(1+1e-9) {
			return n * power
		}
	}
	return 10 * power
}
