package dial

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Failure gives an error of the network its reason. An error that has one keeps
// it; the end of ctx goes before whatever it caused. What is no error stays none.
func Failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *probes.Failure
	if errors.As(err, &known) {
		return err
	}
	var unreadable *secret.Error
	if errors.As(err, &unreadable) {
		return probes.Unknownf(probes.ReasonSecretUnavailable, "%w", err)
	}
	return probes.NetworkFailure(Ended(ctx, err))
}

// Ended puts the end of ctx in front of an error that it caused, such as that of
// a connection which broke because the run's time was used up.
func Ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && err != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// IsTimeout tells whether an error is that of a deadline.
func IsTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// tooLarge is the error of a connection that was to bring more than its limit.
func tooLarge(limit int64) error { return &fetch.TooLargeError{What: "bytes", Limit: limit} }
