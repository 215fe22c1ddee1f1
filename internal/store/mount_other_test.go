//go:build !linux

package store

import "testing"

func tmpfs(t *testing.T, _ string) string {
	t.Skip("small file systems are mounted on Linux only")
	return ""
}

func readOnly(t *testing.T, _ string) string {
	t.Skip("read-only file systems are mounted on Linux only")
	return ""
}
