package nco

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gosnmp/gosnmp"
)

var (
	ofTraps  = regexp.MustCompile(`^(enterprise|generic-trap|specific-trap|notify|Node|IPaddress|PeerAddress|PeerIPaddress|OID[0-9]+|[0-9]+)$`)
	ofAlerts = regexp.MustCompile(`^(status|startsAt|endsAt|generatorURL|fingerprint|(labels|annotations)\.[A-Za-z_]+)$`)
)

// TrapToken tells whether MTTrapd may give a token of that name, AlertToken
// whether the Message Bus probe may for an alert of Alertmanager.
func TrapToken(name string) bool { return ofTraps.MatchString(name) }

// AlertToken is told of at TrapToken.
func AlertToken(name string) bool { return ofAlerts.MatchString(name) }

// Trap returns the tokens that MTTrapd makes of a datagram of v1 or v2c that
// came from an address.
func Trap(datagram []byte, from string) (map[string]string, error) {
	p, err := (&gosnmp.GoSNMP{}).SnmpDecodePacket(datagram)
	if err != nil {
		return nil, fmt.Errorf("decoding a notification: %w", err)
	}
	tokens, variables := map[string]string{}, p.Variables
	switch p.PDUType {
	case gosnmp.Trap:
		tokens["enterprise"], tokens["generic-trap"], tokens["specific-trap"] = dotted(p.Enterprise), strconv.Itoa(p.GenericTrap), strconv.Itoa(p.SpecificTrap)
		tokens["Node"], tokens["IPaddress"] = p.AgentAddress, p.AgentAddress
	case gosnmp.SNMPv2Trap, gosnmp.InformRequest:
		if len(variables) < 2 {
			return nil, errors.New("a notification of v2 without its first two variables")
		}
		tokens["notify"] = dotted(fmt.Sprint(variables[1].Value))
		tokens["PeerAddress"], tokens["PeerIPaddress"] = from, from
		variables = variables[2:]
	default:
		return nil, fmt.Errorf("%v is no notification", p.PDUType)
	}
	for i, v := range variables {
		value := fmt.Sprint(v.Value)
		if b, ok := v.Value.([]byte); ok {
			value = string(b)
		}
		tokens[strconv.Itoa(i+1)], tokens["OID"+strconv.Itoa(i+1)] = value, dotted(v.Name)
	}
	return tokens, nil
}

func dotted(oid string) string { return "." + strings.TrimPrefix(oid, ".") }

// eifHeader is how long what stands before the body of an event is.
const eifHeader = 36

// EIF returns the tokens that the EIF probe makes of the first event of a
// stream, and what follows it. Quoted leaves the quotes around values, as some
// versions do.
func EIF(stream []byte, quoted bool) (tokens map[string]string, rest []byte, err error) {
	if len(stream) < eifHeader || !bytes.HasPrefix(stream, []byte("<START>>")) {
		return nil, nil, errors.New("no event begins here")
	}
	size := int(binary.BigEndian.Uint32(stream[28:]))
	if len(stream)-eifHeader < size {
		return nil, nil, errors.New("the event is not whole")
	}
	body, ok := bytes.CutSuffix(stream[eifHeader:eifHeader+size], []byte(";END\n\x01"))
	if !ok {
		return nil, nil, errors.New("the event has no end")
	}
	parts := strings.Split(string(body), ";")
	tokens = map[string]string{"ClassName": parts[0]}
	for _, part := range parts[1:] {
		name, value, ok := strings.Cut(part, "=")
		if _, twice := tokens[name]; !ok || twice {
			return nil, nil, fmt.Errorf("slot %q has no value or is there twice", part)
		}
		if inner, is := strings.CutPrefix(value, "'"); is && !quoted {
			value = strings.TrimSuffix(inner, "'")
		}
		tokens[name] = value
	}
	return tokens, stream[eifHeader+size:], nil
}

// Parser is the configuration of the Message Bus probe's parser of JSON, as far
// as it is used.
type Parser struct {
	EventSources []struct {
		Endpoint string `json:"endpoint"`
		Name     string `json:"name"`
		Config   struct {
			DataToRecord      []string `json:"dataToRecord"`
			MessagePayload    string   `json:"messagePayload"`
			MessageHeader     string   `json:"messageHeader"`
			JSONNestedPayload string   `json:"jsonNestedPayload"`
			JSONNestedHeader  string   `json:"jsonNestedHeader"`
			MessageDepth      int      `json:"messageDepth"`
		} `json:"config"`
	} `json:"eventSources"`
}

// ReadParser reads the file, which may have nothing in it that is not known.
func ReadParser(content []byte) (Parser, error) {
	var p Parser
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("reading the parser's configuration: %w", err)
	}
	if len(p.EventSources) == 0 {
		return p, errors.New("the parser's configuration has no eventSources")
	}
	return p, nil
}

// Messages returns the tokens of each event that came with a request to a path.
func (p Parser) Messages(path string, body []byte) ([]map[string]string, error) {
	for _, s := range p.EventSources {
		if s.Endpoint != path {
			continue
		}
		var at any
		if err := json.Unmarshal(body, &at); err != nil {
			return nil, fmt.Errorf("the request's body: %w", err)
		}
		for _, step := range strings.Split(s.Config.MessagePayload, ".")[1:] {
			object, _ := at.(map[string]any)
			at = object[step]
		}
		list, ok := at.([]any)
		if !ok {
			return nil, fmt.Errorf("there is no list at %s", s.Config.MessagePayload)
		}
		var all []map[string]string
		for _, message := range list {
			tokens := map[string]string{}
			flatten("", message, s.Config.MessageDepth, tokens)
			all = append(all, tokens)
		}
		return all, nil
	}
	return nil, fmt.Errorf("no event source has the endpoint %s", path)
}

// flatten names what is nested with dots.
func flatten(name string, value any, depth int, tokens map[string]string) {
	object, ok := value.(map[string]any)
	if !ok || depth == 0 {
		tokens[name] = fmt.Sprint(value)
		return
	}
	for key, inner := range object {
		flatten(strings.TrimPrefix(name+"."+key, "."), inner, depth-1, tokens)
	}
}
