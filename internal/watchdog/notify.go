package watchdog

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

const (
	// statusEvery is how often the status line is looked at.
	statusEvery = 5 * time.Second
	// retry is how soon a ping that was withheld is thought over.
	retry = time.Second
	// maxStatus bounds the status line, in bytes.
	maxStatus = 200
)

// Notifier tells systemd how the exporter stands, by the protocol of
// sd_notify(3). Where systemd did not start it (no NOTIFY_SOCKET) it does
// nothing, as does a nil Notifier. Its methods may be called from any goroutine.
type Notifier struct {
	// Status returns the line that `systemctl status` shows; see StatusLine.
	// Nil means none.
	Status func() string
	// Stuck returns the names of parts that a restart would mend. While there
	// are any systemd gets no ping, and restarts the exporter once WatchdogSec is
	// over. Nil means none.
	Stuck func() []string
	// Logger is told when systemd cannot be reached; nil discards that.
	Logger *slog.Logger

	failing atomic.Bool
}

// Ready tells that the listeners are open and the configuration is in force.
func (n *Notifier) Ready() { n.send(daemon.SdNotifyReady + n.status()) }

// Reloading tells that the configuration is being read again. The function
// returned tells that this is over, whether it succeeded or not: systemd waits
// for that.
func (n *Notifier) Reloading() (done func()) {
	n.send(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
	return n.Ready
}

// Run keeps the status line up to date and pings systemd at half of its
// WatchdogSec, where the service has one, until ctx ends; then it tells that
// the exporter is stopping. It returns nil.
func (n *Notifier) Run(ctx context.Context) error {
	if n == nil || os.Getenv("NOTIFY_SOCKET") == "" {
		<-ctx.Done()
		return nil
	}
	defer n.send(daemon.SdNotifyStopping + "\nSTATUS=stopping")
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log().Warn("systemd's watchdog is not served", "err", err)
	}
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	ping := time.NewTimer(0)
	defer ping.Stop()
	if limit <= 0 {
		ping.Stop()
	}
	shown := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-status.C:
			if s := n.status(); s != shown {
				shown = s
				n.send(strings.TrimPrefix(s, "\n"))
			}
		case <-ping.C:
			ping.Reset(n.ping(limit))
		}
	}
}

// ping sends a ping unless something is stuck, and returns when to come again.
func (n *Notifier) ping(limit time.Duration) time.Duration {
	if n.Stuck != nil && len(n.Stuck()) > 0 {
		return min(retry, limit/2)
	}
	n.send(daemon.SdNotifyWatchdog)
	return limit / 2
}

// status returns the status line as a further line of a message.
func (n *Notifier) status() string {
	if n == nil || n.Status == nil {
		return ""
	}
	return "\nSTATUS=" + line(n.Status(), maxStatus)
}

func (n *Notifier) send(message string) {
	if n == nil {
		return
	}
	if _, err := daemon.SdNotify(false, message); err == nil {
		n.failing.Store(false)
	} else if !n.failing.Swap(true) {
		n.log().Warn("systemd cannot be told how the exporter stands", "err", err)
	}
}

func (n *Notifier) log() *slog.Logger {
	if n.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return n.Logger
}

// StatusLine is the verdict in one line for people: whether people can sign in,
// the first reason if not and how many more there are, and the names of
// unhealthy parts.
func StatusLine(ok bool, reasons []string, problems []Problem) string {
	var b strings.Builder
	switch {
	case ok:
		b.WriteString("OK: people can sign in")
	case len(reasons) == 0:
		b.WriteString("FAIL")
	default:
		b.WriteString("FAIL: " + line(reasons[0], maxStatus/2))
		if len(reasons) > 1 {
			b.WriteString(" and more")
		}
	}
	for i, p := range problems {
		b.WriteString([]string{"; unhealthy: ", ", "}[min(i, 1)] + p.Part)
	}
	return line(b.String(), maxStatus)
}
