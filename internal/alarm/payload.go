package alarm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// What is wrong with a webhook. Alertmanager sends again only what is answered
// with a status of 500 or more, so what would be as wrong the next time has a
// status below.
var (
	// ErrMalformed: the body is no webhook of Alertmanager, version 4.
	ErrMalformed = errors.New("the body is no Alertmanager webhook of version 4")
	// ErrTooLarge: the body is larger than allowed.
	ErrTooLarge = errors.New("the body is too large; set max_alerts in Alertmanager's webhook_config, or raise alarms.webhook_max_bytes")
)

// The limits of a webhook.
const (
	maxAlerts      = 10_000
	maxMembers     = 250_000 // of all objects in the body together
	maxLabels      = 64      // of one alert
	maxAnnotations = 64
	maxLabelBytes  = 8 << 10 // names and values of one alert
	maxGroupKey    = 64 << 10
)

// payload is what an Alertmanager sends
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
type payload struct {
	group     string // of alerts that are sent together
	truncated int
	alerts    []alert
	// malformed is how many alerts were left out, and why the first was.
	malformed int
	problem   error
}

// alert is one alert of a webhook.
type alert struct {
	Status      string `json:"status"`
	Labels      pairs  `json:"labels"`
	Annotations pairs  `json:"annotations"`
	StartsAt    string `json:"startsAt"`
	EndsAt      string `json:"endsAt"`

	firing       bool
	starts, ends time.Time
}

// read reads at most limit bytes.
func read(r io.Reader, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: it could not be read: %w", ErrMalformed, err)
	case len(body) > limit:
		return nil, fmt.Errorf("%w (more than %d bytes)", ErrTooLarge, limit)
	case !utf8.Valid(body):
		return nil, fmt.Errorf("%w: it is not valid UTF-8", ErrMalformed)
	}
	return body, nil
}

// parse reads a webhook. A field that it does not know is passed over, and an
// alert that is malformed is left out: the others are none the worse for it.
func parse(body []byte) (payload, error) {
	// Small members take many times their size in memory, so they are counted
	// before any is kept.
	if n := members(body); n > maxMembers {
		return payload{}, fmt.Errorf("%w (%d labels and the like, of which %d are possible)", ErrTooLarge, n, maxMembers)
	}
	p, err := parseObject(body)
	if err != nil {
		return payload{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(p.alerts) == 0 && p.malformed > 0 {
		return payload{}, fmt.Errorf("%w: no alert of %d is usable: %w", ErrMalformed, p.malformed, p.problem)
	}
	return p, nil
}

// members counts the members of all objects in a JSON text.
func members(body []byte) (n int) {
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case ':':
			n++
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

func parseObject(body []byte) (p payload, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return p, errors.New("it is not one JSON object")
	}
	var version, groupKey, receiver string
	seen := false
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return p, err
		}
		switch key, _ := t.(string); key {
		case "version":
			err = d.Decode(&version)
		case "groupKey":
			err = d.Decode(&groupKey)
		case "receiver":
			err = d.Decode(&receiver)
		case "truncatedAlerts":
			err = d.Decode(&p.truncated)
		case "alerts":
			if seen {
				return p, errors.New("alerts stand twice")
			}
			seen = true
			err = p.parseAlerts(d)
		default:
			err = d.Decode(&skip{})
		}
		if err != nil {
			return p, err
		}
	}
	if _, err := d.Token(); err != nil {
		return p, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("something follows the JSON object")
	}
	switch {
	case version != "4":
		return p, fmt.Errorf("its version is %.20q", version)
	case !seen:
		return p, errors.New("it has no alerts")
	case len(groupKey) > maxGroupKey:
		return p, errors.New("its groupKey is too long")
	}
	p.group = sourceID(map[string]string{"groupKey": groupKey, "receiver": receiver})
	return p, nil
}

// skip takes any value and keeps nothing of it.
type skip struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*skip) UnmarshalJSON([]byte) error { return nil }

func (p *payload) parseAlerts(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("alerts are no list")
	}
	for d.More() {
		if len(p.alerts)+p.malformed >= maxAlerts {
			return fmt.Errorf("it has more than %d alerts; set max_alerts in Alertmanager's webhook_config", maxAlerts)
		}
		var a alert
		err := d.Decode(&a)
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong):
			err = fmt.Errorf("%s is a %s", wrong.Field, wrong.Value)
		case err != nil:
			return err
		default:
			err = a.check()
		}
		if err != nil {
			if p.malformed++; p.problem == nil {
				p.problem = err
			}
			continue
		}
		p.alerts = append(p.alerts, a)
	}
	_, err := d.Token()
	return err
}

// check looks at one alert by itself.
func (a *alert) check() (err error) {
	switch a.Status {
	case "firing":
		a.firing = true
	case "resolved":
	default:
		return fmt.Errorf("the status of an alert is %.20q", a.Status)
	}
	if a.Labels.problem != "" {
		return errors.New("labels of an alert: " + a.Labels.problem)
	}
	if len(a.Labels.all) == 0 {
		return errors.New("an alert has no labels")
	}
	if a.Labels.bytes > maxLabelBytes {
		return fmt.Errorf("the labels of an alert have more than %d bytes", maxLabelBytes)
	}
	if a.starts, err = instant(a.StartsAt); err != nil {
		return fmt.Errorf("startsAt of an alert: %w", err)
	}
	if a.ends, err = instant(a.EndsAt); err != nil {
		return fmt.Errorf("endsAt of an alert: %w", err)
	}
	return nil
}

// instant reads a time; empty and the year 1 are none.
func instant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, errors.New("is no time of RFC 3339")
	}
	if t.Year() <= 1 {
		return time.Time{}, nil
	}
	return t.UTC(), nil
}

// pairs are labels or annotations. It keeps no more of them than an alert may
// have, however many there are.
type pairs struct {
	all     map[string]string
	bytes   int
	problem string
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *pairs) UnmarshalJSON(raw []byte) error {
	*p = pairs{}
	if string(raw) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, _ := d.Token(); t != json.Delim('{') {
		p.problem = "they are no object"
		return nil
	}
	p.all = map[string]string{}
	for d.More() {
		if len(p.all) >= max(maxLabels, maxAnnotations) {
			p.problem = fmt.Sprintf("there are more than %d", maxLabels)
			return nil
		}
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if t, err = d.Token(); err != nil {
			return err
		}
		value, isText := t.(string)
		_, twice := p.all[name]
		switch {
		case name == "":
			p.problem = "one has no name"
		case !isText:
			p.problem = fmt.Sprintf("%.40q is no text", name)
		case twice:
			p.problem = fmt.Sprintf("%.40q stands twice", name)
		}
		if p.problem != "" {
			return nil
		}
		p.all[name] = value
		p.bytes += len(name) + len(value)
	}
	return nil
}
