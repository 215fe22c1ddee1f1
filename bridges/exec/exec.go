// Package execbridge is the kind of bridge `exec`: a fixed command that is run
// once for each event, such as opcmsg or postemsg.
//
// There is no shell: the command is a list of arguments, and what an alarm says
// stays within the argument that it was put into.
package execbridge

import (
	"fmt"
	"maps"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Options are the settings of one bridge of this kind.
type Options struct {
	// Command is the program and its arguments. In all but the first, {id} and
	// its like stand for what the event says.
	Command []string `yaml:"command"`
	// Stdin gives the event to the command as JSON.
	Stdin bool `yaml:"stdin"`
	// Env and SecretEnv are added to the little that the command's environment
	// has: PATH, HOME, TZ and a UTF-8 locale.
	Env       map[string]string        `yaml:"env"`
	SecretEnv map[string]secret.Secret `yaml:"secret_env"`
	// Directory is where it runs; empty is the root of the file system.
	Directory string `yaml:"directory"`
	// Timeout is when the command and all that it started are killed.
	Timeout time.Duration `yaml:"timeout"`
	// Refused are exit statuses that no further try can change.
	Refused []int `yaml:"refused"`
	// MaxBytes bounds each value that is put into an argument.
	MaxBytes int `yaml:"max_bytes"`
}

// Kind returns the kind `exec`.
func Kind() bridges.Kind {
	return bridges.Kind{
		Name:       "exec",
		Summary:    "Runs a fixed command, such as opcmsg or postemsg.",
		NewOptions: func() bridges.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options {
	return &Options{Stdin: true, Timeout: 10 * time.Second, MaxBytes: 2048}
}

// Check implements bridges.Options.
func (o *Options) Check(bridges.Setting) []probes.Problem {
	var problems []probes.Problem
	add := func(path, format string, args ...any) {
		problems = append(problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Command) == 0 || o.Command[0] == "" {
		add("command", "missing; write the program and its arguments as a list, such as [/opt/OV/bin/opcmsg, \"msg_text={text}\"]")
	} else {
		if program := o.Command[0]; !filepath.IsAbs(program) || strings.ContainsAny(program, "{}\x00") {
			add("command[0]", "%q is not the full path of a program", program)
		} else if _, err := osexec.LookPath(program); err != nil {
			problems = append(problems, probes.Problem{Path: "command[0]", Warning: true, Message: fmt.Sprintf("%s cannot be run here now", program)})
		}
		for i, a := range o.Command[1:] {
			if _, err := parse(a); err != nil {
				add(fmt.Sprintf("command[%d]", i+1), "%v", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		if !isVariable(name) || strings.Contains(o.Env[name], "\x00") {
			add("env."+name, "%q cannot be set as a variable of the environment", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.SecretEnv)) {
		if _, twice := o.Env[name]; !isVariable(name) || twice {
			add("secret_env."+name, "%q cannot be set as a variable of the environment, or is set twice", name)
		}
	}
	if o.Directory != "" && !filepath.IsAbs(o.Directory) {
		add("directory", "%q is not a full path", o.Directory)
	}
	if o.Timeout < 100*time.Millisecond || o.Timeout > 5*time.Minute {
		add("timeout", "%s is out of range; use 100ms to 5m", o.Timeout)
	}
	for i, status := range o.Refused {
		if status < 1 || status > 255 {
			add(fmt.Sprintf("refused[%d]", i), "%d is no exit status of a failure; use 1 to 255", status)
		}
	}
	if o.MaxBytes < 16 || o.MaxBytes > 64<<10 {
		add("max_bytes", "%d is out of range; use 16 to %d", o.MaxBytes, 64<<10)
	}
	return problems
}

func isVariable(name string) bool { return name != "" && !strings.ContainsAny(name, "=\x00") }

// New implements bridges.Options.
func (o *Options) New(s bridges.Setting) ([]bridges.Destination, error) {
	for _, p := range o.Check(s) {
		if !p.Warning {
			return nil, fmt.Errorf("%s: %s", p.Path, p.Message)
		}
	}
	r := &runner{options: *o, setting: s}
	for _, a := range o.Command[1:] {
		parsed, err := parse(a)
		if err != nil {
			return nil, err
		}
		r.arguments = append(r.arguments, parsed)
	}
	return []bridges.Destination{{
		Name: filepath.Base(o.Command[0]), Acknowledged: true, Deliverer: r,
		Proof: "the command ended with exit status 0; what it did with the event it knows itself",
	}}, nil
}

// environment returns the command's environment.
func (o *Options) environment() ([]string, *secret.Redactor, error) {
	env := []string{"LANG=C.UTF-8", "LC_ALL=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "TZ", "SystemRoot"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		env = append(env, name+"="+o.Env[name])
	}
	redact := &secret.Redactor{}
	for _, name := range slices.Sorted(maps.Keys(o.SecretEnv)) {
		value, err := o.SecretEnv[name].Value()
		if err != nil {
			return nil, nil, err
		}
		redact.Add(value)
		env = append(env, name+"="+value)
	}
	return env, redact, nil
}
