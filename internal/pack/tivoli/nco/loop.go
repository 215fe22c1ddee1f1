package nco

import (
	"fmt"
	"maps"
	"slices"
)

// foreach reads what follows foreach: ( name in $* ) and a block, in which $name
// stands for each token of the event, to be read and to be set.
func (p *parser) foreach() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	name := p.next()
	if in := p.next(); name.kind != word || !in.says("in") || p.loop != "" {
		return nil, fmt.Errorf("%s: foreach takes ( name in $* ), and no other within", name.at)
	}
	if all := p.next(); all.kind != variable || all.text != "*" {
		return nil, fmt.Errorf("%s: foreach goes through $* alone", all.at)
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.loop = name.text
	body, err := p.block()
	p.loop = ""
	return func(r *run) error {
		r.loop = name.text
		defer func() { r.loop, r.element = "", "" }()
		for _, r.element = range slices.Sorted(maps.Keys(r.tokens)) {
			if err := r.all(body); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// reads and sets note which variables are used; that of a loop is none of them.
func (p *parser) reads(t token) {
	if t.text != p.loop {
		p.used[t.text] = t.at
	}
}

func (p *parser) sets(t token) {
	if t.text != p.loop {
		p.set[t.text] = true
	}
}

// named returns the name of the token that a variable stands for.
func (r *run) named(variable token) string {
	if variable.text == r.loop {
		return r.element
	}
	return variable.text
}
