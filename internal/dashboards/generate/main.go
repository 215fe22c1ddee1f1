// Command generate writes the Grafana dashboards into a folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/idp-exporter/idp_exporter/internal/dashboards"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := dashboards.Generate()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return fmt.Errorf("writing the dashboards: %w", err)
		}
	}
	return nil
}
