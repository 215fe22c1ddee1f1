package openview

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// trapCondition is a condition as an agent keeps it.
type trapCondition struct {
	description, id string
	when            map[string]string // $e, $G and $S, which are compared; $1 … with their patterns
	set             map[string]string
}

var (
	inserted = regexp.MustCompile(`<\$([1-9][0-9]*)>`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	quoted   = regexp.MustCompile(`^"[^"]*"$`)
)

// parseTemplate reads the template strictly: every keyword in its place, with
// its kind of value, and nothing in angle brackets but one of the trap's
// variables, of which there are so many, and <*> in a relation.
func parseTemplate(text string, variables int) ([]trapCondition, error) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	take := func(keyword string, value *regexp.Regexp) (string, error) {
		if len(lines) == 0 {
			return "", fmt.Errorf("the file ends where %s is to be", keyword)
		}
		got, rest, _ := strings.Cut(lines[0], " ")
		if got != keyword || !value.MatchString(rest) {
			return "", fmt.Errorf("%q stands where %s is to be", lines[0], keyword)
		}
		lines = lines[1:]
		return strings.Trim(rest, `"`), nil
	}
	none := regexp.MustCompile(`^$`)
	for _, head := range []struct {
		keyword string
		value   *regexp.Regexp
	}{{"SYNTAX_VERSION", regexp.MustCompile(`^5$`)}, {"SNMP", quoted}, {"DESCRIPTION", quoted}, {"MSGCONDITIONS", none}} {
		if _, err := take(head.keyword, head.value); err != nil {
			return nil, err
		}
	}
	var all []trapCondition
	ids := map[string]bool{}
	for len(lines) > 0 {
		c := trapCondition{when: map[string]string{}, set: map[string]string{}}
		var err error
		if c.description, err = take("DESCRIPTION", quoted); err != nil {
			return nil, err
		}
		if c.id, err = take("CONDITION_ID", quoted); err != nil {
			return nil, err
		}
		if ids[c.id] || !uuidForm.MatchString(c.id) {
			return nil, fmt.Errorf("%s is no id or is there twice", c.id)
		}
		ids[c.id] = true
		if _, err := take("CONDITION", none); err != nil {
			return nil, err
		}
		if err := c.conditions(&lines); err != nil {
			return nil, err
		}
		if _, err := take("SET", none); err != nil {
			return nil, err
		}
		for _, s := range []string{"SEVERITY", "APPLICATION", "MSGGRP", "OBJECT", "MSGKEY", "MSGKEYRELATION ACK", "TEXT"} {
			keyword, more, _ := strings.Cut(s, " ")
			value := quoted
			switch {
			case s == "SEVERITY":
				value = regexp.MustCompile(`^(Unknown|Normal|Warning|Minor|Major|Critical)$`)
			case more != "":
				value = regexp.MustCompile(`^ACK "[^"]*"$`)
			}
			got, err := take(keyword, value)
			if err != nil {
				return nil, err
			}
			c.set[keyword] = strings.TrimPrefix(got, `ACK "`)
		}
		if err := c.brackets(variables); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no condition")
	}
	return all, nil
}

func (c *trapCondition) conditions(lines *[]string) error {
	forms := map[string]string{"$e": `^"(\.[0-9]+)+"$`, "$G": `^[0-6]$`, "$S": `^[0-9]+$`}
	for len(*lines) > 0 && strings.HasPrefix((*lines)[0], "$") {
		name, value, _ := strings.Cut((*lines)[0], " ")
		form, ok := forms[name]
		if !ok && regexp.MustCompile(`^\$[1-9][0-9]*$`).MatchString(name) {
			form = `^"[^"]*"$`
		}
		if _, twice := c.when[name]; form == "" || twice || !regexp.MustCompile(form).MatchString(value) {
			return fmt.Errorf("no such condition: %s", (*lines)[0])
		}
		c.when[name] = strings.Trim(value, `"`)
		*lines = (*lines)[1:]
	}
	for name := range forms {
		if c.when[name] == "" {
			return fmt.Errorf("%s has no %s", c.description, name)
		}
	}
	return nil
}

func (c *trapCondition) brackets(variables int) error {
	for keyword, value := range c.set {
		for _, m := range inserted.FindAllStringSubmatch(value, -1) {
			if n, err := strconv.Atoi(m[1]); err != nil || n > variables {
				return fmt.Errorf("%s of %s has %s, which no trap carries", keyword, c.description, m[0])
			}
		}
		rest := inserted.ReplaceAllString(value, "")
		if keyword == "MSGKEYRELATION" {
			rest = strings.ReplaceAll(rest, "<*>", "")
			if !strings.HasPrefix(value, "^") || !strings.HasSuffix(value, "$") {
				return fmt.Errorf("%s of %s matches anywhere in a key", keyword, c.description)
			}
		}
		if strings.ContainsAny(rest, "<>") {
			return fmt.Errorf("%s of %s has brackets around what is no variable: %s", keyword, c.description, value)
		}
	}
	return nil
}
