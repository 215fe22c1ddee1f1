package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Response is an answer whose body has been read, within its limit.
type Response struct {
	*http.Response
	// Content is the whole body, decompressed.
	Content []byte
}

// Do sends one request and reads its answer whole. It follows no redirect:
// whoever calls decides where a run may go. Cookies are kept for the session.
// The request itself is left as it was. Errors are of type *Error.
func (s *Session) Do(ctx context.Context, req *http.Request) (*Response, error) {
	watched, x := s.begin(ctx)
	resp, err := s.exchange(watched, req, x)
	var notAfter time.Time
	s.Last, notAfter = x.end()
	if !notAfter.IsZero() && (s.Seen.CertificateNotAfter.IsZero() || notAfter.Before(s.Seen.CertificateNotAfter)) {
		s.Seen.CertificateNotAfter = notAfter
	}
	if err != nil {
		err = ended(ctx, err)
		return nil, &Error{Part: x.part(err), Err: fmt.Errorf("%s %s: %w", req.Method, Origin(req.URL)+req.URL.Path, err)}
	}
	return resp, nil
}

func (s *Session) exchange(ctx context.Context, req *http.Request, x *exchange) (*Response, error) {
	req = req.WithContext(ctx)
	req.Header = req.Header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", UserAgent)
	}
	for _, c := range s.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	sent := time.Now()
	resp, err := s.transport(req.URL.Scheme).RoundTrip(req)
	if err != nil {
		return nil, withType(err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The body would be the bare connection, which no context ends.
		return nil, errSwitched
	case resp.StatusCode == http.StatusProxyAuthRequired && x.forwarded():
		return nil, &ProxyError{Status: resp.StatusCode}
	}
	s.noteClock(resp, sent, time.Now())
	if cookies := resp.Cookies(); len(cookies) > 0 {
		s.jar.SetCookies(req.URL, cookies)
	}
	content, err := s.read(resp)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", withType(err))
	}
	return &Response{Response: resp, Content: content}, nil
}

var errSwitched = errors.New("the server switched protocols (101) without being asked")

func (s *Session) read(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > s.MaxBody && resp.Request.Method != http.MethodHead {
		return nil, &TooLargeError{What: "body", Limit: s.MaxBody}
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, s.MaxBody+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > s.MaxBody {
		return nil, &TooLargeError{What: "body", Limit: s.MaxBody}
	}
	return content, nil
}

// maxClockTrip is the longest round trip from which the clock is estimated.
const maxClockTrip = time.Second

// noteClock estimates the server's clock from its Date header (RFC 9110,
// 6.6.1), which is cut to whole seconds. Answers that took long say too little,
// and those from a cache (Age, RFC 9111, 5.1) are dated when they were stored.
func (s *Session) noteClock(resp *http.Response, sent, received time.Time) {
	trip := received.Sub(sent)
	if s.Seen.ClockOffset != nil || trip > maxClockTrip || resp.Header.Get("Age") != "" {
		return
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	offset := date.Add(500 * time.Millisecond).Sub(sent.Add(trip / 2))
	s.Seen.ClockOffset = &offset
}
