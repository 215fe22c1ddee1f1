package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// readObject reads a body that is one JSON object with some of the given keys.
// It is strict, as a configuration file is read: a key that is unknown, stands
// twice or is null is an error, so that a window never covers more than was meant.
func readObject(r *http.Request, fields map[string]any) error {
	body, err := io.ReadAll(r.Body) // bounded by the handler
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return errors.New("the body could not be read")
	case !utf8.Valid(body):
		return errors.New("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("the body is to be one JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("the body is not JSON: %w", err)
		}
		key, _ := token.(string)
		target, known := fields[key]
		switch {
		case !known:
			return fmt.Errorf("unknown key %q; there are %s", shorten(key), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case seen[key]:
			return fmt.Errorf("%s stands twice", key)
		}
		seen[key] = true
		if err := readValue(d, target); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

func readValue(d *json.Decoder, target any) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	if string(raw) == "null" {
		return errors.New("is null; leave it out if that is what you mean")
	}
	err := json.Unmarshal(raw, target)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("want %s, not a %s", map[string]string{"string": "a text", "[]string": "a list of texts"}[wrong.Type.String()], wrong.Value)
	}
	if list, ok := target.(*[]string); err == nil && ok && len(*list) == 0 {
		return errors.New("the list is empty; leave it out to mean all")
	}
	return err
}
