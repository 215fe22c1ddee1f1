package main

import (
	"context"
	"slices"
	"syscall"
	"time"
)

// measurement measures figures once, always the same ones in the same order.
type measurement func(context.Context) ([]float64, error)

// ratio measures all in turn, round by round, and returns the medians of a's
// figures over those of each other measurement: the machine's speed drifts, the
// ratio does not. Who goes first changes every round, so that a steady drift
// favors nobody.
func ratio(ctx context.Context, rounds int, a measurement, others ...measurement) ([]float64, error) {
	all := append([]measurement{a}, others...)
	var ratios [][]float64 // by figure, then by round
	for round := range rounds + 1 {
		values := make([][]float64, len(all))
		for i := range all {
			i = (i + round) % len(all)
			var err error
			if values[i], err = all[i](ctx); err != nil {
				return nil, err
			}
		}
		if round == 0 { // warms up
			ratios = make([][]float64, len(others)*len(values[0]))
			continue
		}
		j := 0
		for _, other := range values[1:] {
			for k := range other {
				ratios[j] = append(ratios[j], values[0][k]/other[k])
				j++
			}
		}
	}
	medians := make([]float64, len(ratios))
	for j, list := range ratios {
		medians[j] = median(list)
	}
	return medians, nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
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
func cpuOf(f func() error) ([]float64, error) {
	before := cpu()
	err := f()
	return []float64{(cpu() - before).Seconds()}, err
}
