package web

import (
	"errors"
	"fmt"
	"os"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// CheckWebConfig checks a web configuration file of exporter-toolkit, its
// certificates included; "" is none and fine. It refuses basic_auth_users and
// rate_limit: the toolkit applies them to every path, so that a health check
// would need a password and a busy scraper would fail it.
func CheckWebConfig(path string) error {
	if path == "" {
		return nil
	}
	if err := toolkit.Validate(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w; --web.config.file names it, and without that flag there is no TLS", err)
		}
		return fmt.Errorf("web configuration file %s: %w", path, err)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("web configuration file: %w", err)
	}
	var keys struct {
		Users any `yaml:"basic_auth_users"`
		Limit any `yaml:"rate_limit"`
	}
	if err := yaml.Unmarshal(content, &keys); err != nil {
		return fmt.Errorf("web configuration file %s: %w", path, err)
	}
	if keys.Users != nil {
		return fmt.Errorf("web configuration file %s: basic_auth_users would guard every path, health checks too; "+
			"move the users to `access: users:` in the configuration, where each has its scopes (the bcrypt hashes fit)", path)
	}
	if keys.Limit != nil {
		return fmt.Errorf("web configuration file %s: rate_limit would turn away health checks and scrapes alike; "+
			"remove it, and use `access: open_to:` in the configuration to limit who asks without a credential", path)
	}
	return nil
}
