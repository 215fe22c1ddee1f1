package starttls

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// conversation is what is said before TLS.
type conversation struct {
	in  *bufio.Reader // maxLine bytes are the longest line
	out io.Writer
}

func (c *conversation) say(line string) error {
	_, err := io.WriteString(c.out, line+"\r\n")
	return err
}

// hear returns the next line, without its end.
func (c *conversation) hear() (string, error) {
	line, err := c.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", probes.Failf(probes.ReasonTooLarge, "the server sent a line of more than %d bytes", maxLine)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// reply reads an answer of SMTP or FTP, which may have several lines (RFC 5321,
// 4.2.1; RFC 959, 4.2), and returns its code and lines.
func (c *conversation) reply() (code string, lines []string, err error) {
	for range maxLines {
		line, err := c.hear()
		if err != nil {
			return "", nil, err
		}
		if len(lines) == 0 {
			if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" {
				return "", nil, probes.Failf(probes.ReasonBadResponse, "the server's answer does not begin with a code: \"%s\"", probes.Foreign(line, 80))
			}
			code = line[:3]
		}
		lines = append(lines, line)
		if line == code || strings.HasPrefix(line, code+" ") {
			return code, lines, nil
		}
	}
	return "", nil, probes.Failf(probes.ReasonTooLarge, "the server's answer has more than %d lines", maxLines)
}

// want reads an answer that must have a code.
func (c *conversation) want(code, what string) ([]string, error) {
	got, lines, err := c.reply()
	if err != nil {
		return nil, err
	}
	if got != code {
		return nil, refused(what, lines[0])
	}
	return lines, nil
}

func refused(what, answer string) error {
	return probes.Failf(probes.ReasonUnexpectedReply, "%s: the server answered \"%s\"", what, probes.Foreign(answer, 200))
}

func notOffered() error {
	return probes.Failf(probes.ReasonTLS, "the server does not offer STARTTLS")
}
