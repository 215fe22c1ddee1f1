//go:build !linux

package host

import (
	"context"
	"fmt"
)

func machineServices(context.Context, []string) (map[string]Service, error) {
	return nil, fmt.Errorf("services are looked up with systemd: %w", ErrUnsupported)
}
