package mib

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/idp-exporter/idp_exporter/bridges"
)

const (
	// DefaultBase stands below the enterprise number 32473, which is reserved
	// for documentation (RFC 5612): good for trying things out, not for use.
	DefaultBase = "1.3.6.1.4.1.32473.1"
	// DefaultModule is the name of the MIB module.
	DefaultModule = "IDP-EXPORTER-MIB"
	// DefaultPrefix is the beginning of all names in the module.
	DefaultPrefix = "idp"

	documentation = 32473
)

// The arcs below a Model's Base.
const (
	notifications = 0
	objects       = 1
	conformance   = 2
	products      = 3
)

var (
	enterprises = OID{1, 3, 6, 1, 4, 1}
	moduleName  = regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*-MIB$`)
	prefixName  = regexp.MustCompile(`^[a-z][a-zA-Z0-9]{0,15}$`)
)

// Model is the MIB at one place of the tree of names.
type Model struct {
	// Base is the module's own identifier, below which all others stand.
	Base OID
	// Module is the module's name, Prefix the beginning of every name in it.
	Module, Prefix string
	// Organization and Contact are told in the module's text.
	Organization, Contact string
}

// New returns the model at base, with the default names. The empty base is
// DefaultBase.
func New(base string) (Model, error) {
	if base == "" {
		base = DefaultBase
	}
	o, err := ParseOID(base)
	if err != nil {
		return Model{}, err
	}
	m := Model{
		Base: o, Module: DefaultModule, Prefix: DefaultPrefix,
		Organization: "idp_exporter", Contact: "https://github.com/idp-exporter/idp_exporter",
	}
	return m, m.Check()
}

// Check tells what is wrong with the model's place and names.
func (m Model) Check() error {
	switch {
	case !m.Base.Under(enterprises) || len(m.Base) == len(enterprises):
		return fmt.Errorf("%s does not stand below 1.3.6.1.4.1 (enterprises); write 1.3.6.1.4.1.YOUR-NUMBER.1, with the number that IANA gave your organization", m.Base)
	case len(m.Base) > maxArcs-16:
		return fmt.Errorf("%s is too long; leave at least 16 of the %d numbers to the objects below it", m.Base, maxArcs)
	case !moduleName.MatchString(m.Module) || len(m.Module) > 64:
		return fmt.Errorf("%q is no name for a MIB module; write capital letters, digits and single hyphens, and -MIB at the end", m.Module)
	case !prefixName.MatchString(m.Prefix):
		return fmt.Errorf("%q is no prefix for names in a MIB; write at most 16 letters and digits, the first a small letter", m.Prefix)
	case m.Organization == "" || m.Contact == "" || !plain(m.Organization+m.Contact):
		return errors.New("a MIB module names an organization and a contact, in ASCII")
	}
	return nil
}

// Documentation tells whether the model stands below the enterprise number
// that is for documentation alone (RFC 5612).
func (m Model) Documentation() bool { return m.Enterprise() == documentation }

// Enterprise is the number of the organization below which the model stands.
func (m Model) Enterprise() uint32 { return m.Base[len(enterprises)] }

// Agent is the sysObjectID of the exporter's own agent.
func (m Model) Agent() OID { return m.Base.Child(products, 1) }

// Notification returns the identifier of the notification that tells of a kind
// of event.
func (m Model) Notification(kind bridges.EventKind) (OID, error) {
	for _, n := range events() {
		if n.kind == kind {
			return m.Base.Child(notifications, n.arc), nil
		}
	}
	return nil, fmt.Errorf("there is no notification for an event of kind %q", kind)
}
