package nco

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// The kinds of tokens.
type kind int

const (
	word     kind = iota // a keyword, the name of a function, table or level
	variable             // $name or $(name), without the sign
	field                // @Name, without the sign
	text                 // "…", without the quotes
	number
	sign // punctuation
	end
)

// token is one of the rules file, with where it stands.
type token struct {
	kind kind
	text string
	at   string // file:line
}

func (t token) is(s string) bool   { return t.kind == sign && t.text == s }
func (t token) says(s string) bool { return t.kind == word && t.text == s }

func (t token) String() string {
	if t.kind == end {
		return "the end of the file"
	}
	return fmt.Sprintf("%q", map[kind]string{variable: "$", field: "@"}[t.kind]+t.text)
}

var lexemes = []struct {
	kind    kind
	pattern *regexp.Regexp
}{
	{variable, regexp.MustCompile(`^\$(\*|[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*|\([A-Za-z0-9_.-]+\))`)},
	{field, regexp.MustCompile(`^@([A-Za-z][A-Za-z0-9_]*)`)},
	{text, regexp.MustCompile(`^"([^"\n]*)"`)},
	{number, regexp.MustCompile(`^([0-9]+)`)},
	{word, regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*)`)},
	{sign, regexp.MustCompile(`^(==|!=|&&|\|\||[{}()\[\],=+!:|])`)},
}

// depth is how far files may include each other.
const depth = 8

// lex reads a file and, in their places, the files that it includes: what is
// included may be a part of a switch.
func lex(files fs.FS, name string, level int) ([]token, error) {
	if level > depth {
		return nil, fmt.Errorf("%s: files include each other more than %d deep", name, depth)
	}
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("include: %w", err)
	}
	var all []token
	for i, line := range strings.Split(string(content), "\n") {
		at := fmt.Sprintf("%s:%d", name, i+1)
		tokens, err := lexLine(line, at)
		if err != nil {
			return nil, err
		}
		if len(tokens) == 0 || !tokens[0].says("include") {
			all = append(all, tokens...)
			continue
		}
		if len(tokens) != 2 || tokens[1].kind != text {
			return nil, fmt.Errorf("%s: include takes one file, in quotes", at)
		}
		included, ok := strings.CutPrefix(tokens[1].text, "$NC_RULES_HOME/")
		if !ok {
			included, ok = strings.CutPrefix(tokens[1].text, "$OMNIHOME/")
		}
		if !ok {
			return nil, fmt.Errorf("%s: %s does not begin with $NC_RULES_HOME/ or $OMNIHOME/", at, tokens[1])
		}
		inner, err := lex(files, included, level+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		all = append(all, inner...)
	}
	return all, nil
}

func lexLine(line, at string) ([]token, error) {
	var tokens []token
next:
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return tokens, nil
		}
		for _, l := range lexemes {
			if m := l.pattern.FindStringSubmatch(line); m != nil {
				tokens = append(tokens, token{l.kind, strings.Trim(m[1], map[bool]string{true: "()"}[l.kind == variable]), at})
				line = line[len(m[0]):]
				continue next
			}
		}
		return nil, fmt.Errorf("%s: no such syntax: %.30q", at, line)
	}
}
