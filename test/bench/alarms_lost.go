package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const (
	kills = 10
	// alerts is how many there are, of which each webhook has some.
	alerts, inWebhook = 1000, 200
	// converged is how long consoles may take until they show what is true.
	converged = 90 * time.Second
)

// alarmsLost fires and resolves alerts at random, while the exporter is killed
// and its consoles lose datagrams and go away, and counts what any console shows
// wrongly at the end.
func alarmsLost(ctx context.Context, o options) ([]float64, error) {
	page, err := self(ctx, "page")
	if err != nil {
		return nil, err
	}
	defer page.stop()
	traps, err := newBoard(ctx, 4)
	if err != nil {
		return nil, err
	}
	defer traps.close()
	informs, err := newBoard(ctx, 20)
	if err != nil {
		return nil, err
	}
	defer informs.close()
	token, entry, err := access.CreateToken("bench", []string{access.All})
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	e := &exporter{token: token, folder: folder}
	defer e.close()
	config := fmt.Sprintf(`access: {tokens: [{name: bench, hash: %q, scopes: [all]}]}
probes: [{name: page, kind: http, url: %q, every: 10m}]
snmp: {base_oid: 1.3.6.1.4.1.4294967295.1} # nobody's
alarms: {resend: 2s, heartbeat: 5s}
bridges:
  - {name: traps, kind: snmp, destinations: [{address: %q}]}
  - {name: informs, kind: snmp, destinations: [{address: %q, inform: true, timeout: 300ms}]}
`, entry.Hash, page.line, traps.address, informs.address)
	if err := e.start(ctx, o.binary, config); err != nil {
		return nil, err
	}
	truth := map[string]bool{}
	for round := range kills {
		away := traps
		if round%2 == 0 {
			away = informs
		}
		away.away.Store(round%3 != 0)
		body, err := flips(truth)
		if err != nil {
			return nil, err
		}
		// Half the time the kill comes while a webhook is under way.
		timer := time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, func() { _ = e.process.cmd.Process.Kill() }) //nolint:gosec // no secret
		err = e.webhook(ctx, body)
		timer.Stop()
		_ = e.process.cmd.Process.Kill()
		_ = e.process.cmd.Wait()
		if startErr := e.start(ctx, o.binary, config); startErr != nil {
			return nil, startErr
		}
		for ; err != nil && ctx.Err() == nil; err = e.webhook(ctx, body) { // as Alertmanager does
			pause(ctx, 100*time.Millisecond)
		}
		away.away.Store(false)
	}
	for deadline := time.Now().Add(converged); ; pause(ctx, 100*time.Millisecond) {
		wrong := traps.wrong(truth) + informs.wrong(truth)
		if wrong == 0 || time.Now().After(deadline) {
			return []float64{float64(wrong)}, ctx.Err()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// flips returns a webhook with alerts that fire or are resolved at random, and
// notes which are which by their instance.
func flips(truth map[string]bool) ([]byte, error) {
	type object map[string]any
	var list []object
	now := time.Now()
	for _, i := range rand.Perm(alerts)[:inWebhook] { //nolint:gosec // no secret
		instance, firing := strconv.Itoa(i), rand.IntN(3) > 0 //nolint:gosec // no secret
		one := object{"status": "firing", "labels": object{"alertname": "Slow", "instance": instance, "severity": "major"}, "startsAt": now}
		if !firing {
			one["status"], one["endsAt"] = "resolved", now
		}
		truth[instance] = firing
		list = append(list, one)
	}
	return json.Marshal(object{"version": "4", "groupKey": "g", "receiver": "bench", "status": "firing", "alerts": list})
}

func (e *exporter) webhook(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.address+"/bridge/alertmanager", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the webhook was answered %s: %s", resp.Status, text)
	}
	return nil
}
