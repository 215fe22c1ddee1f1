package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/audit"
)

func auditCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("audit", "The audit trail.").Command("verify", "Check that no record of the audit trail was removed, changed or moved; exit 0 or 1, with every break as file:line.")
	runs := c.Flag("runs", "The lines were kept from standard output or syslog where there is no file: each start begins a new numbering.").Bool()
	files := c.Arg("file", "The files of one trail, in any order.").Required().Strings()
	do[c.FullCommand()] = func(context.Context) error {
		r, err := audit.VerifyFiles(*files, audit.VerifyOptions{Runs: *runs})
		if err != nil {
			return err
		}
		for _, p := range r.Problems {
			_, _ = fmt.Fprintln(io.err, p)
		}
		if more := r.Broken - len(r.Problems); more > 0 {
			_, _ = fmt.Fprintf(io.err, "... and %d more\n", more)
		}
		if _, err := fmt.Fprintln(io.out, r); err != nil {
			return err
		}
		if r.Broken > 0 || r.Records == 0 {
			return exitError(1)
		}
		return nil
	}
}
