package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	httpprobe "github.com/idp-exporter/idp_exporter/probes/http"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

const (
	batch   = 400 // runs in one measurement
	workers = 4   // runs at once
)

// batched runs each worker's function many times, the workers side by side, and
// returns the processor time in seconds.
func batched(fs [workers]func() error) ([]float64, error) {
	return cpuOf(func() error {
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			first error
		)
		for _, f := range fs {
			wg.Go(func() {
				for range batch / workers {
					if err := f(); err != nil {
						mu.Lock()
						first = errors.Join(first, err)
						mu.Unlock()
						return
					}
				}
			})
		}
		wg.Wait()
		return first
	})
}

// each makes a function for every worker: runs of one probe must not overlap.
func each(newFunc func() (func() error, error)) ([workers]func() error, error) {
	var fs [workers]func() error
	for i := range fs {
		f, err := newFunc()
		if err != nil {
			return fs, err
		}
		fs[i] = f
	}
	return fs, nil
}

// compare returns the processor time of our probe over that of the floor.
func compare(ctx context.Context, o options, newProbe func() (probes.Probe, error), floor func() error) ([]float64, error) {
	ours, err := each(func() (func() error, error) {
		p, err := newProbe()
		return func() error { return outcome(p.Run(ctx)) }, err
	})
	if err != nil {
		return nil, err
	}
	bare, err := each(func() (func() error, error) { return floor, nil })
	if err != nil {
		return nil, err
	}
	return ratio(ctx, o.rounds,
		func(context.Context) ([]float64, error) { return batched(ours) },
		func(context.Context) ([]float64, error) { return batched(bare) })
}

func outcome(r probes.Result) error {
	if r.Outcome != probes.Pass {
		return fmt.Errorf("the run did not pass: %s: %s: %s", r.FailedStep, r.Reason, r.Detail)
	}
	return nil
}

// loginCPU compares a password login of the probe with a minimal loop of
// x/oauth2 and go-oidc doing the same: discovery, token, key set, verification,
// over a connection of its own.
func loginCPU(ctx context.Context, o options) ([]float64, error) {
	provider, err := self(ctx, "provider")
	if err != nil {
		return nil, err
	}
	defer provider.stop()
	return compare(ctx, o,
		func() (probes.Probe, error) { return newLogin(provider.line) },
		func() error { return bareLogin(ctx, provider.line) })
}

func newLogin(issuer string) (probes.Probe, error) {
	options := login.Kind(login.NewAccounts()).NewOptions().(*login.Options)
	options.Flow = "password"
	options.Budget.PerMinute = 0
	options.ClientID, options.ClientSecret = demo.ClientID, secret.New(demo.ClientSecret)
	options.Username, options.Password = demo.Username, secret.New(demo.Password)
	return options.New(probes.Target{Probe: "bench", Provider: &probes.Provider{Issuer: issuer}})
}

func bareLogin(ctx context.Context, issuer string) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: transport})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return err
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	conf := oauth2.Config{ClientID: demo.ClientID, ClientSecret: demo.ClientSecret, Endpoint: endpoint, Scopes: []string{oidc.ScopeOpenID}}
	token, err := conf.PasswordCredentialsToken(ctx, demo.Username, demo.Password)
	if err != nil {
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	_, err = provider.Verifier(&oidc.Config{ClientID: demo.ClientID}).Verify(ctx, raw)
	return err
}

// httpProbeCPU compares an HTTP probe with a bare GET over a fresh connection.
func httpProbeCPU(ctx context.Context, o options) ([]float64, error) {
	page, err := self(ctx, "page")
	if err != nil {
		return nil, err
	}
	defer page.stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return compare(ctx, o, func() (probes.Probe, error) {
		options := httpprobe.Kind().NewOptions().(*httpprobe.Options)
		options.URL = page.line
		return options.New(probes.Target{Probe: "bench"})
	}, func() error { return bareGet(ctx, client, page.line) })
}

func bareGet(ctx context.Context, client *http.Client, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
