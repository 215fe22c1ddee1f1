// Command bench measures what the exporter costs against a floor doing the same
// work with bare libraries, both in one run, and prints one line for each
// figure: bench: NAME VALUE UNIT (aim …). It is run by `make bench`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"syscall"
	"time"
)

// bench measures one figure.
type bench struct {
	name, unit, aim string
	measure         func(context.Context, options) (float64, error)
}

type options struct {
	binary string
	rounds int
}

func benches() []bench {
	return []bench{
		{"login_cpu", "ratio", "1.2 or less", loginCPU},
		{"http_probe_cpu", "ratio", "1.3 or less", httpProbeCPU},
		{"testall_rate", "ratio", "0.9 or more", testallRate},
	}
}

func main() {
	name := flag.String("name", "all", "the bench to run, or all")
	binary := flag.String("binary", "./idp_exporter", "the built exporter")
	rounds := flag.Int("rounds", 9, "pairs of measurements; the median ratio counts")
	serve := flag.String("serve", "", "internal: serve as a counterpart (provider, page)")
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
		known += " " + b.name
		if name != "all" && name != b.name {
			continue
		}
		ran = true
		value, err := b.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		fmt.Printf("bench: %s %.3f %s (aim %s)\n", b.name, value, b.unit, b.aim)
	}
	if !ran {
		return fmt.Errorf("there is no bench %q; there are%s", name, known)
	}
	return nil
}

// ratio measures a and b in turn, round by round, and returns the median of
// a/b: the machine's speed drifts, the ratio does not.
func ratio(ctx context.Context, rounds int, a, b func(context.Context) (float64, error)) (float64, error) {
	var ratios []float64
	for i := range rounds + 1 {
		va, err := a(ctx)
		if err != nil {
			return 0, err
		}
		vb, err := b(ctx)
		if err != nil {
			return 0, err
		}
		if i > 0 { // the first round warms up
			ratios = append(ratios, va/vb)
		}
	}
	sort.Float64s(ratios)
	return ratios[len(ratios)/2], nil
}

// cpu returns the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf returns the processor time that f uses, in seconds.
func cpuOf(f func() error) (float64, error) {
	before := cpu()
	err := f()
	return (cpu() - before).Seconds(), err
}
