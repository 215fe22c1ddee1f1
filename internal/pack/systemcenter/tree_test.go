package systemcenter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is one of a parsed document. Its name has the prefix maml: or xsd:
// where it is of that namespace.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	parent   *element
	children []*element
	line     int
}

const xsd = "http://www.w3.org/2001/XMLSchema"

// parse reads a document, which has to be well-formed.
func parse(document []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	root := &element{}
	at := root
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			line, _ := decoder.InputPos()
			e := &element{name: qualified(t.Name), attrs: map[string]string{}, parent: at, line: line}
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
					continue
				}
				if _, twice := e.attrs[a.Name.Local]; twice {
					return nil, fmt.Errorf("line %d: attribute %s twice", line, a.Name.Local)
				}
				e.attrs[a.Name.Local] = a.Value
			}
			at.children = append(at.children, e)
			at = e
		case xml.EndElement:
			at = at.parent
		case xml.CharData:
			at.text += string(t)
		}
	}
	if len(root.children) != 1 || strings.TrimSpace(root.text) != "" {
		return nil, errors.New("a document has one element, and nothing beside it")
	}
	return root.children[0], nil
}

func qualified(n xml.Name) string {
	switch n.Space {
	case "":
		return n.Local
	case maml:
		return "maml:" + n.Local
	case xsd:
		return "xsd:" + n.Local
	default:
		return n.Space + ":" + n.Local
	}
}

// all returns the elements of a name, in the order of the document.
func (e *element) all(names ...string) (found []*element) {
	e.walk(func(c *element) {
		for _, n := range names {
			if c.name == n {
				found = append(found, c)
			}
		}
	})
	return found
}

func (e *element) walk(visit func(*element)) {
	visit(e)
	for _, c := range e.children {
		c.walk(visit)
	}
}

// child returns the first child of a name, an empty element if there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{attrs: map[string]string{}}
}

// within returns the nearest element of one of the names around this one.
func (e *element) within(names ...string) *element {
	for p := e.parent; p != nil; p = p.parent {
		for _, n := range names {
			if p.name == n {
				return p
			}
		}
	}
	return nil
}
