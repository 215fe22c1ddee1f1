package smtpprobe

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// talk is the conversation of one run.
type talk struct {
	*probes.Run
	*plan
	ctx        context.Context
	conn       *dial.Conn
	in         *bufio.Reader
	redactor   *secret.Redactor
	every      time.Duration
	extensions []string // of the last EHLO, as the server wrote them
}

// The bounds of one reply. RFC 5321, 4.5.3.1.5, allows lines of 512 octets.
const (
	maxLine  = 4 << 10
	maxLines = 100
)

// listen starts reading anew, as when TLS has begun.
func (t *talk) listen() { t.in = bufio.NewReaderSize(t.conn, maxLine) }

// reply is an answer of the server (RFC 5321, 4.2).
type reply struct {
	code  string
	lines []string // without the code
}

func (r reply) String() string { return r.code + " " + strings.Join(r.lines, " ") }

// readReply reads a reply of one or more lines.
func readReply(in *bufio.Reader) (reply, error) {
	var r reply
	for range maxLines {
		raw, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return r, probes.Failf(probes.ReasonTooLarge, "the server sent a line of more than %d bytes", maxLine)
		}
		if err != nil {
			return r, err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || len(line) > 3 && line[3] != ' ' && line[3] != '-' || r.code != "" && line[:3] != r.code {
			return r, probes.Failf(probes.ReasonBadResponse, "this is not SMTP: \"%s\"", probes.Foreign(line, 80))
		}
		r.code = line[:3]
		r.lines = append(r.lines, strings.TrimSpace(line[min(4, len(line)):]))
		if len(line) == 3 || line[3] == ' ' {
			return r, nil
		}
	}
	return r, probes.Failf(probes.ReasonTooLarge, "the server's reply has more than %d lines", maxLines)
}

// say sends a line and reads the reply to it.
func (t *talk) say(line string) (reply, error) {
	if _, err := io.WriteString(t.conn, line+"\r\n"); err != nil {
		return reply{}, err
	}
	return readReply(t.in)
}

// want sends a line whose reply must begin with one of the codes.
func (t *talk) want(what, line string, codes ...string) (reply, error) {
	r, err := t.say(line)
	if err == nil && !slices.ContainsFunc(codes, func(c string) bool { return strings.HasPrefix(r.code, c) }) {
		err = unexpected(what, r)
	}
	return r, err
}

func unexpected(what string, r reply) error {
	return probes.Failf(probes.ReasonUnexpectedReply, "%s: the server answered %s", what, probes.Foreign(r.String(), 300))
}

func (t *talk) banner() error {
	r, err := readReply(t.in)
	if err == nil && r.code != "220" {
		err = unexpected("greeting", r)
	}
	return err
}

func (t *talk) ehlo() error {
	r, err := t.want("EHLO", "EHLO "+t.EHLO, "250")
	if err == nil {
		t.extensions = r.lines[1:]
	}
	return err
}

// offers tells whether the server has an extension.
func (t *talk) offers(name string) bool { return t.extension(name) != nil }

// extension returns the words of an extension, its name first; nil without it.
func (t *talk) extension(name string) []string {
	for _, line := range t.extensions {
		if words := strings.Fields(strings.ToUpper(line)); len(words) > 0 && words[0] == name {
			return words
		}
	}
	return nil
}

func (t *talk) startTLS() error {
	if !t.offers("STARTTLS") {
		return probes.Failf(probes.ReasonTLS, "the server does not offer STARTTLS")
	}
	if _, err := t.want("STARTTLS", "STARTTLS", "220"); err != nil {
		return err
	}
	// What came before the handshake could be taken for part of what is said
	// under its protection (CVE-2011-0411).
	if t.in.Buffered() > 0 {
		return probes.Failf(probes.ReasonBadResponse, "the server sent more than its consent to TLS")
	}
	return nil
}

// auth shows user and password (RFC 4954, 4; RFC 4616).
func (t *talk) auth() error {
	if t.conn.TLS() == nil && !dial.IsLoopback(t.host) {
		return probes.Failf(probes.ReasonTLS, "the server does not offer STARTTLS; the password was not sent")
	}
	password, err := t.Password.Value()
	if err != nil {
		return err
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + t.Username + "\x00" + password))
	alone := base64.StdEncoding.EncodeToString([]byte(password))
	t.redactor.Add(password, plain, alone)
	mechanisms := t.extension("AUTH")
	var r reply
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		r, err = t.say("AUTH PLAIN " + plain)
	case slices.Contains(mechanisms, "LOGIN"):
		for _, line := range []string{"AUTH LOGIN", base64.StdEncoding.EncodeToString([]byte(t.Username)), alone} {
			if r, err = t.say(line); err != nil || line != alone && r.code != "334" {
				break
			}
		}
	default:
		return probes.Failf(probes.ReasonUnexpectedReply, "the server offers neither AUTH PLAIN nor AUTH LOGIN here, but \"%s\"", probes.Foreign(strings.Join(mechanisms, " "), 100))
	}
	switch {
	case err != nil:
		return err
	case r.code == "235":
		return nil
	case r.code == "535" || r.code == "534" || r.code == "538":
		return dial.Refused(probes.ReasonCredentialsRefused, t.every, "AUTH: the server answered %s", probes.Foreign(r.String(), 300))
	default:
		return unexpected("AUTH", r)
	}
}

func (t *talk) mail() error {
	_, err := t.want("MAIL", "MAIL FROM:<"+t.From+">", "250")
	return err
}

func (t *talk) rcpt() error {
	for _, to := range t.To {
		if _, err := t.want("RCPT", "RCPT TO:<"+to+">", "25"); err != nil {
			return err
		}
	}
	return nil
}

// data sends a message (RFC 5321, 4.1.1.4).
func (t *talk) data() error {
	if _, err := t.want("DATA", "DATA", "354"); err != nil {
		return err
	}
	now := time.Now()
	message := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nDate: %s\r\nMessage-ID: <%d@%s>\r\nSubject: idp_exporter probe\r\nAuto-Submitted: auto-generated\r\n\r\nSent by idp_exporter to see that mail is taken.\r\n.",
		t.From, strings.Join(t.To, ">,\r\n <"), now.Format(time.RFC1123Z), now.UnixNano(), t.EHLO)
	_, err := t.want("the message", message, "250")
	return err
}

// farewell is how long we wait for the answers when taking leave.
const farewell = 2 * time.Second

// leave ends the conversation. What the run was to see it has seen by then: an
// answer that is amiss or does not come is noted, and fails nothing. A server
// that hangs up instead has done its work.
func (t *talk) leave() {
	var late atomic.Bool
	timer := time.AfterFunc(farewell, func() {
		late.Store(true)
		_ = t.conn.Close()
	})
	defer timer.Stop()
	begin := time.Now()
	err := t.quit()
	t.AddStep(stepQuit, begin, time.Since(begin), nil)
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case late.Load():
		t.Unverified("the farewell: the server did not answer within %s", farewell)
	default:
		t.Unverified("the farewell: %v", err)
	}
}

// quit takes back what was not sent, and says goodbye.
func (t *talk) quit() error {
	if t.From != "" && !t.Send {
		if _, err := t.want("RSET", "RSET", "250"); err != nil {
			return err
		}
	}
	_, err := t.want("QUIT", "QUIT", "221")
	return err
}
