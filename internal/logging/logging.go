// Package logging builds the one logger of a process: log/slog in the code,
// rendered by go-kit/log, as logfmt or JSON, on standard error.
package logging

import (
	"fmt"
	"io"
	"log/slog"

	kitlog "github.com/go-kit/log"
	gokit "github.com/tjhop/slog-gokit"
)

// Logger is a logger whose level can change while it is used.
type Logger struct {
	*slog.Logger
	level *slog.LevelVar
}

// New returns a logger that writes to w. The format is logfmt or json.
func New(w io.Writer, level, format string) (*Logger, error) {
	var base kitlog.Logger
	switch format {
	case "", "logfmt":
		base = kitlog.NewLogfmtLogger(kitlog.NewSyncWriter(w))
	case "json":
		base = kitlog.NewJSONLogger(kitlog.NewSyncWriter(w))
	default:
		return nil, fmt.Errorf("log format %q is not known; use logfmt or json", format)
	}
	l := &Logger{level: new(slog.LevelVar)}
	if err := l.SetLevel(level); err != nil {
		return nil, err
	}
	l.Logger = slog.New(gokit.NewGoKitHandler(base, l.level))
	return l, nil
}

// SetLevel changes what is logged: debug, info, warn or error.
func (l *Logger) SetLevel(level string) error {
	if level == "" {
		level = "info"
	}
	var v slog.Level
	if err := v.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("log level %q is not known; use debug, info, warn or error", level)
	}
	l.level.Set(v)
	return nil
}
