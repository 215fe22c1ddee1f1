package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const (
	// maxWebhook is the largest body that alarms.webhook_max_bytes can allow.
	maxWebhook = 16 << 20
	// largeWebhooks is how many bodies larger than other routes take are read at
	// a time, so that many of them need no more memory than a few.
	largeWebhooks = 2
	// webhookWait is how long one waits for its turn. Reading it then has the
	// rest of the time that a request may take.
	webhookWait = 4 * time.Second
	// webhookTime bounds the whole.
	webhookTime = 15 * time.Second
	// webhookRetry is when Alertmanager may send again. It goes by its own
	// back-off; proxies may look at it.
	webhookRetry = 5 * time.Second
)

// webhook takes what Alertmanager sends.
type webhook struct {
	*Server
	large chan struct{}
}

func newWebhook(s *Server) *webhook { return &webhook{s, make(chan struct{}, largeWebhooks)} }

// alertmanager answers when all alerts of a webhook are on disk. Alertmanager
// sends again only what is answered with a status of 500 or more: whatever
// another try may mend is 503.
func (h *webhook) alertmanager(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	ctx, cancel := context.WithTimeout(r.Context(), webhookTime)
	defer cancel()
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		if !h.turn(ctx) {
			again(w, "other large webhooks are being read; send this one again")
			return
		}
		defer func() { <-h.large }()
	}
	outcome, err := h.options.Alarms.Handle(ctx, r.Body)
	if err == nil {
		writeText(w, http.StatusOK, h.options.Redact(outcomeText(outcome))+"\n")
		return
	}
	var beyond *http.MaxBytesError
	text := h.options.Redact(err.Error())
	switch {
	case errors.Is(err, alarm.ErrTooLarge):
		unread(w)
		refuse(w, http.StatusRequestEntityTooLarge, text)
	case errors.As(err, &beyond):
		unread(w)
		refuse(w, http.StatusRequestEntityTooLarge, alarm.ErrTooLarge.Error())
	case errors.Is(err, os.ErrDeadlineExceeded):
		again(w, "the body did not arrive in time; send it again")
	case errors.Is(err, alarm.ErrMalformed):
		refuse(w, http.StatusBadRequest, text)
	default:
		again(w, text)
	}
}

// turn waits until a large body may be read; give it back.
func (h *webhook) turn(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, webhookWait)
	defer cancel()
	select {
	case h.large <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// again asks the caller to send the request once more.
func again(w http.ResponseWriter, text string) {
	unread(w)
	w.Header().Set("Retry-After", strconv.Itoa(int(webhookRetry/time.Second)))
	refuse(w, http.StatusServiceUnavailable, text)
}

// unread closes the connection after the answer, rather than read the rest of
// a body that nobody wants.
func unread(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

func outcomeText(o alarm.Outcome) string {
	text := fmt.Sprintf("OK: %d firing, %d resolved", o.Firing, o.Resolved)
	if o.Late > 0 {
		text += fmt.Sprintf("; %d came too late to mean anything", o.Late)
	}
	if o.Malformed > 0 {
		text += fmt.Sprintf("; %d left out, the first since %s", o.Malformed, o.Problem)
	}
	if o.Truncated > 0 {
		text += fmt.Sprintf("; %d left out by Alertmanager, raise max_alerts in its webhook_config", o.Truncated)
	}
	return text
}
