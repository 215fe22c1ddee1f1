package main

import (
	"context"
	"fmt"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/assets"
	"github.com/idp-exporter/idp_exporter/internal/pack"
)

func assetsCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("assets", "Write rules, dashboards, runbooks, the MIB and the packs for consoles into a folder.")
	folder := c.Arg("dir", "The folder; it is made if need be.").Required().String()
	oid := c.Flag("oid", "The base OID, below your own enterprise number: that of snmp.base_oid.").Default(pack.DefaultOID).String()
	prefix := c.Flag("prefix", "The beginning of every name in the MIB.").Default("idp").String()
	site := c.Flag("site", "Where links to docs/ and docs/runbooks/ lead.").Default(pack.DefaultURL).String()
	revision := c.Flag("revision", "The last part of the version of System Center's packs; raise it when you stamp packs anew that were imported already.").Default("0").Uint16()
	force := c.Flag("force", "Replace files that are there with other content.").Bool()
	do[c.FullCommand()] = func(context.Context) error {
		stamp, err := pack.New(*oid, *prefix, *site)
		if err != nil {
			return err
		}
		stamp.Revision = *revision
		files, err := assets.Files(stamp)
		if err != nil {
			return err
		}
		done, err := assets.Write(*folder, files, *force)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "%s: %d files written, %d replaced, %d as they were\nStart at alerts/README.md and dashboards/README.md there.\n",
			*folder, done.New, done.Changed, done.Same)
		if stamp.MIB.Documentation() {
			_, _ = fmt.Fprintln(io.err, "The base OID is below the enterprise number 32473, which is for documentation alone (RFC 5612); give yours with --oid.")
		}
		return err
	}
}
