package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is what Session.Do returns: which part of the way failed, and how.
type Error struct {
	Part Part
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// TooLargeError says that an answer was larger than its limit.
type TooLargeError struct {
	What  string // "headers" or "body"
	Limit int64  // bytes
}

func (e *TooLargeError) Error() string {
	be := "is"
	if e.What == "headers" {
		be = "are"
	}
	return fmt.Sprintf("the answer's %s %s larger than %d bytes", e.What, be, e.Limit)
}

// ProxyError says that the proxy answered in the server's place.
type ProxyError struct {
	Status int // the HTTP status code of the proxy
}

func (e *ProxyError) Error() string {
	if e.Status == 407 {
		return "the proxy wants a user and password (407); set the user in `proxy` and `proxy_password_file`"
	}
	return fmt.Sprintf("the proxy refused to connect (%d)", e.Status)
}

// headerLimits are the beginnings of net/http's untyped errors about headers
// beyond the limit, for HTTP/1.1 and HTTP/2.
var headerLimits = []string{
	"net/http: server response headers exceeded",
	"net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded",
	"http2: response header list larger than advertised limit",
	"header list too large",
}

// errHandshake replaces net/http's error for an HTTP/2 connection that ended
// before its first request. With TLS 1.3 a server refuses a client, or its lack
// of a certificate, only then.
var errHandshake = fmt.Errorf("the server closed the connection right after the handshake (%w); does it want a client certificate?", io.EOF)

// withType gives net/http's untyped errors a type. It takes them bare, as
// net/http returns them: what servers write stands quoted in the middle of such
// texts, never alone or at the beginning.
func withType(err error) error {
	text := err.Error()
	if strings.HasPrefix(text, "stream error: stream ID ") { // of HTTP/2; a server adds but a number to it
		text = text[strings.LastIndex(text, "; ")+2:]
	}
	for _, prefix := range headerLimits {
		if strings.HasPrefix(text, prefix) {
			return &TooLargeError{What: "headers", Limit: DefaultMaxHeader}
		}
	}
	switch text {
	case "http2: client conn could not be established":
		return errHandshake
	case "http2: client connection lost", "http: server closed idle connection":
		return fmt.Errorf("%s: %w", text, io.EOF)
	}
	return err
}

// ended puts the end of ctx in front of what it caused, such as a connection
// that broke because the run's time was used up.
func ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
