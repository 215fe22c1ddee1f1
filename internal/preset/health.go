package preset

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// Health is a health endpoint by which a provider shows what it is.
type Health struct {
	// Preset is the provider's.
	Preset string
	// URL is what to ask.
	URL string
	// Setting is the preset's setting that Base is a value for, "" where an answer
	// but tells the provider.
	Setting, Base string

	is func(status int, body []byte) bool
}

// Is tells whether an answer is the provider's. Some say so while they are ill.
func (h Health) Is(status int, body []byte) bool { return h.is(status, body) }

// HealthOf lists the health endpoints that a preset's provider may have, those
// that tell more first. For Generic they are those of all providers that show by
// their answer what they are.
func HealthOf(preset string, issuer *url.URL) []Health {
	origin := fetch.Origin(issuer)
	at := func(scheme, port string) string {
		host := issuer.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host + ":" + port
	}
	setting := func(name, base, path string, is func(int, []byte) bool) Health {
		return Health{Preset: name, URL: base + path, Setting: "health_url", Base: base, is: is}
	}
	switch preset {
	case Keycloak:
		return []Health{
			setting(Keycloak, at(issuer.Scheme, "9000"), "/health/ready", isMicroProfile),
			setting(Keycloak, at("http", "9000"), "/health/ready", isMicroProfile),
			setting(Keycloak, origin, "/health/ready", isMicroProfile),
		}
	case Dex:
		return []Health{setting(Dex, at("http", "5558"), "/healthz/ready?type=short", isShort)}
	case Hydra:
		return []Health{
			setting(Hydra, at(issuer.Scheme, "4445"), "/health/ready", isOry),
			setting(Hydra, at("http", "4445"), "/health/ready", isOry),
			setting(Hydra, origin, "/health/ready", isOry),
		}
	case Authentik:
		return []Health{setting(Authentik, origin, "/-/health/live/", func(status int, body []byte) bool {
			return (status == 200 || status == 204) && len(body) == 0
		})}
	case ZITADEL:
		return []Health{setting(ZITADEL, origin, "/debug/healthz", isText("ok"))}
	case Auth0:
		return []Health{{Preset: Auth0Appliance, URL: origin + "/testall", is: isText("OK")}}
	case Generic:
		return []Health{
			{Preset: Dex, URL: strings.TrimSuffix(issuer.String(), "/") + "/healthz", is: isText("Health check passed")},
			{Preset: Hydra, URL: origin + "/health/alive", is: isOry},
			{Preset: ZITADEL, URL: origin + "/debug/healthz", is: isText("ok")},
		}
	}
	return nil
}

func isText(text string) func(int, []byte) bool {
	return func(status int, body []byte) bool { return status == 200 && strings.TrimSpace(string(body)) == text }
}

// isMicroProfile recognizes an answer as MicroProfile Health 4.0, section 4.1,
// has it.
func isMicroProfile(status int, body []byte) bool {
	var answer struct {
		Status string
		Checks *[]json.RawMessage
	}
	return (status == 200 || status == 503) && json.Unmarshal(body, &answer) == nil && answer.Checks != nil && (answer.Status == "UP" || answer.Status == "DOWN")
}

// isShort recognizes a map from checks to PASS or FAIL.
func isShort(status int, body []byte) bool {
	var answer map[string]string
	if status != 200 && status != 503 || json.Unmarshal(body, &answer) != nil {
		return false
	}
	for _, state := range answer {
		if state != "PASS" && state != "FAIL" {
			return false
		}
	}
	return len(answer) > 0
}

func isOry(status int, body []byte) bool {
	var answer struct {
		Status string
		Errors map[string]string
	}
	return json.Unmarshal(body, &answer) == nil && (status == 200 && answer.Status == "ok" || status == 503 && len(answer.Errors) > 0)
}
