package mib

import "github.com/idp-exporter/idp_exporter/bridges"

// Notification is a notification as packs for consoles name it.
type Notification struct {
	Kind bridges.EventKind
	// OID is its identifier, Arc the last number of it: what is called the
	// specific trap in the terms of SNMPv1 (RFC 3584, section 3).
	OID OID
	Arc uint32
	// Name is that of the module, Title one for people.
	Name, Title, Description string
}

// Object is an object as packs for consoles name it.
type Object struct {
	// OID is that of the one instance of a scalar, .0 included, or of a column.
	OID               OID
	Name, Description string
}

// Notifications returns all notifications, in the order of their numbers.
func (m Model) Notifications() []Notification {
	all := make([]Notification, 0, len(events()))
	for _, e := range events() {
		all = append(all, Notification{
			Kind: e.kind, OID: m.Base.Child(notifications, e.arc), Arc: e.arc,
			Name: m.Prefix + e.name, Title: e.title, Description: e.description,
		})
	}
	return all
}

// Carried returns the objects of Variables with their names, in the order in
// which every notification carries them.
func (m Model) Carried() []Object { return scalars(m, variables()) }

// Counts returns the objects that hold the number of active alarms of each of
// probes.Severities, in that order.
func (m Model) Counts() []Object { return scalars(m, counts()) }

// Status returns the objects that hold the verdict of the whole and the name,
// version and site of the exporter: idpVerdict, idpVerdictText,
// idpExporterName, idpExporterVersion, idpExporterSite.
func (m Model) Status() []Object { return scalars(m, status()) }

// ActiveColumns returns the columns of the table of active alarms.
func (m Model) ActiveColumns() []Object { return columns(m, alarms()) }

// ProbeColumns returns the columns of the table of probes.
func (m Model) ProbeColumns() []Object { return columns(m, probeTable()) }

func scalars[T any](m Model, g group[T]) []Object {
	out := make([]Object, len(g.objects))
	for i, o := range g.objects {
		out[i] = Object{OID: m.Base.Child(objects, g.arc, o.arc, 0), Name: m.Prefix + o.name, Description: o.description}
	}
	return out
}

func columns[T any](m Model, t table[T]) []Object {
	out := make([]Object, len(t.columns))
	for i, o := range t.columns {
		out[i] = Object{OID: m.Base.Child(objects, t.arc, 1, o.arc), Name: m.Prefix + o.name, Description: o.description}
	}
	return out
}
