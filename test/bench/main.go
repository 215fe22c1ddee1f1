// Command bench measures what the exporter costs against a floor doing the same
// work with bare libraries, or what a disturbance costs against the undisturbed
// exporter, both in one run. It prints one line for each figure:
// bench: NAME VALUE UNIT (aim …). It is run by `make bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// bench measures figures that come out of one run.
type bench struct {
	figures []figure
	measure func(context.Context, options) ([]float64, error)
}

type figure struct{ name, unit, aim string }

type options struct {
	binary string
	rounds int
}

func benches() []bench {
	return slices.Concat([]bench{
		{ratios("login_cpu", "≤1.2"), loginCPU},
		{ratios("http_probe_cpu", "≤1.3"), httpProbeCPU},
		{ratios("testall_rate", "≥0.9", "testall_p99", "≤1.2"), testallRate},
		{disturbances("scrape", "≥0.5"), under(scrape)},
		{disturbances("reload", "≥0.7"), under(reload)},
		{append(disturbances("slowloris", "≥0.8"), figure{"slowloris_closed", "s", "≤15"}), underSlowLoris},
		{scrapeFigures(), metricsScrape},
		{scheduleFigures(), schedule},
		{ratios("http_probe_cpu_vs_blackbox", "≤0.3"), httpProbeVsBlackbox},
	}, alarmBenches())
}

// missing is what a bench needs and this machine lacks.
type missing string

func (m missing) Error() string { return string(m) }

// ratios makes figures of pairs of a name and an aim.
func ratios(pairs ...string) []figure {
	var list []figure
	for p := range slices.Chunk(pairs, 2) {
		list = append(list, figure{p[0], "ratio", p[1]})
	}
	return list
}

// disturbances names the figures of a disturbance: /testall against the exporter
// left alone, then against the exporter left alone with a disturbed neighbor.
// Load and exporter use up both cores, so the rate cannot but fall by what the
// disturbance itself costs (a scrape of 10,000 probes every second: over half a
// core, plus the collector of garbage); beside the neighbor it costs the same,
// and what differs is what the requests wait for.
func disturbances(name, rate string) []figure {
	return ratios(
		"testall_rate_under_"+name, rate, "testall_p99_under_"+name, "≤2",
		"testall_rate_under_"+name+"_beside_neighbor", "≥0.8", "testall_p99_under_"+name+"_beside_neighbor", "≤1.5",
	)
}

func main() {
	name := flag.String("name", "all", "the bench to run, by the name of one of its figures, or all")
	binary := flag.String("binary", "./idp_exporter", "the built exporter")
	rounds := flag.Int("rounds", 9, "pairs of measurements; the median ratio counts")
	serve := flag.String("serve", "", "internal: serve as a counterpart (provider, page, gauges, targets)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *serve != "" {
		err = counterpart(ctx, *serve)
	} else {
		err = run(ctx, *name, options{*binary, *rounds})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to defer
	}
}

func run(ctx context.Context, name string, o options) error {
	known := ""
	ran := false
	for _, b := range benches() {
		for _, f := range b.figures {
			known += " " + f.name
		}
		if name != "all" && !slices.ContainsFunc(b.figures, func(f figure) bool { return f.name == name }) {
			continue
		}
		ran = true
		values, err := b.measure(ctx, o)
		var lacks missing
		if errors.As(err, &lacks) {
			for _, f := range b.figures {
				fmt.Printf("bench: %s skipped: %s\n", f.name, lacks)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.figures[0].name, err)
		}
		for i, f := range b.figures {
			fmt.Printf("bench: %s %.2f %s (aim %s)\n", f.name, values[i], f.unit, f.aim)
		}
	}
	if !ran {
		return fmt.Errorf("there is no bench %q; there are%s", name, known)
	}
	return nil
}
