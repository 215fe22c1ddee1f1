package strict

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// fileSuffix ends the key that names a file in place of a secret's value.
const fileSuffix = "_file"

var envReference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// IsReference tells whether the text given for a secret names an environment
// variable, as in ${NAME}.
func IsReference(text string) bool { return envReference.MatchString(text) }

// decodeSecret reads a secret's value: ${ENV}, or the value itself, or, where a
// key of its own with the suffix _file has no place, {file: PATH}.
func (d *Document) decodeSecret(n *yaml.Node, path string, v reflect.Value) {
	d.secrets[n] = true
	if n.Kind == yaml.MappingNode {
		var from struct {
			File string `yaml:"file"`
		}
		d.decodeStruct(n, path, reflect.ValueOf(&from).Elem())
		d.setSecretFile(from.File, position(n), v)
		return
	}
	if n.Kind != yaml.ScalarNode {
		d.add(position(n), false, "a list stands where a secret is wanted; write ${VARIABLE}, or name a file")
		return
	}
	if m := envReference.FindStringSubmatch(n.Value); m != nil {
		value, ok := os.LookupEnv(m[1])
		if !ok || value == "" {
			d.addUnfilled(position(n), "the environment variable %s is not set; set it, or name a file with the key's %s form", m[1], fileSuffix)
			return
		}
		v.Set(reflect.ValueOf(secret.New(value)))
		return
	}
	if n.Value == "" {
		d.add(position(n), false, "the secret is empty; write ${VARIABLE}, or name a file with the key's %s form", fileSuffix)
		return
	}
	d.add(position(n), true, "a secret stands in the file itself; keep it in a file of its own (the key's %s form) or write ${VARIABLE}", fileSuffix)
	v.Set(reflect.ValueOf(secret.New(n.Value)))
}

func (d *Document) decodeSecretFile(n *yaml.Node, path string, v reflect.Value) {
	at := position(n)
	if n = d.enter(n, path); n == nil {
		d.add(at, false, "no file is named; write the path of the file that holds the secret")
		return
	}
	if !d.unknown(n, at, path) && d.scalar(n, at, "a path") {
		d.setSecretFile(n.Value, at, v)
	}
}

func (d *Document) setSecretFile(name string, at Position, v reflect.Value) {
	if name == "" {
		d.add(at, false, "no file is named; write the path of the file that holds the secret")
		return
	}
	s := secret.FromFile(d.Path(name))
	if _, err := s.Value(); err != nil {
		remedy := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			remedy = "; create it with the secret as its only line"
		case errors.Is(err, fs.ErrPermission):
			remedy = "; let the user that runs idp_exporter read it (chown, chmod)"
		}
		d.addUnfilled(at, "%v%s", err, remedy)
		return
	}
	v.Set(reflect.ValueOf(s))
}

// Path returns a file name of the document as seen from its own folder.
func (d *Document) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.dir, name)
}
