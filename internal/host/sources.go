package host

import (
	"context"
	"runtime"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// sources are where figures come from. Tests put others in their place.
type sources struct {
	limits     limits
	cpu        func(context.Context) (cpuTimes, float64, error)
	memory     func(context.Context) (Memory, error)
	swap       func(context.Context) (Memory, error)
	load       func(context.Context) (Load, error)
	clock      func() (Clock, error)
	partitions func(context.Context) ([]disk.PartitionStat, error)
	usage      func(ctx context.Context, mountpoint string) (*disk.UsageStat, error)
	isFolder   func(path string) bool
	services   func(ctx context.Context, names []string) (map[string]Service, error)
}

func machine() sources {
	return sources{
		limits: newLimits(), cpu: machineCPU, memory: machineMemory, swap: machineSwap, load: machineLoad, clock: machineClock,
		partitions: func(ctx context.Context) ([]disk.PartitionStat, error) { return disk.PartitionsWithContext(ctx, true) },
		usage:      disk.UsageWithContext,
		isFolder:   isFolder,
		services:   machineServices,
	}
}

func machineCPU(ctx context.Context) (cpuTimes, float64, error) {
	all, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return cpuTimes{}, 0, err
	}
	if len(all) == 0 {
		return cpuTimes{}, 0, errNoCPU
	}
	cores, err := cpu.CountsWithContext(ctx, true)
	if err != nil || cores < 1 {
		cores = runtime.NumCPU()
	}
	t := all[0]
	// Guests are counted as users already. Time stolen by other machines counts
	// as used: it cannot be had.
	total := t.User + t.Nice + t.System + t.Idle + t.Iowait + t.Irq + t.Softirq + t.Steal
	return cpuTimes{used: total - t.Idle - t.Iowait, total: total}, float64(cores), nil
}

func machineMemory(ctx context.Context) (Memory, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return Memory{}, err
	}
	return Memory{Total: m.Total, Available: m.Available}, nil
}

func machineSwap(ctx context.Context) (Memory, error) {
	m, err := mem.SwapMemoryWithContext(ctx)
	if err != nil {
		return Memory{}, err
	}
	return Memory{Total: m.Total, Available: m.Free}, nil
}

func machineLoad(ctx context.Context) (Load, error) {
	if runtime.GOOS == "windows" {
		return Load{}, ErrUnsupported // the library would count it on a goroutine that nobody ends
	}
	l, err := load.AvgWithContext(ctx)
	if err != nil {
		return Load{}, err
	}
	return Load{l.Load1, l.Load5, l.Load15}, nil
}
