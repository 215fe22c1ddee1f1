package demo

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// applianceClockOff is how far SwitchApplianceClock moves the clock.
const applianceClockOff = time.Minute

// The switches of an appliance, see [RunningAppliance.Set]. Each resource and
// component has one of its own besides, such as "appliance-cpu" and
// "appliance-testall-docs".
const (
	// SwitchApplianceKey puts another health key in place of ApplianceKey.
	SwitchApplianceKey = "appliance-key"
	// SwitchApplianceClock puts the appliance's clock a minute ahead.
	SwitchApplianceClock = "appliance-clock"
	// SwitchApplianceHost makes it give itself another node's name.
	SwitchApplianceHost = "appliance-host"
	// SwitchApplianceLimit uses up the requests that it answers in a second.
	SwitchApplianceLimit = "appliance-limit"
)

// RunningAppliance is an appliance's node that listens.
type RunningAppliance struct {
	*Appliance
	// URL is its origin, such as http://127.0.0.1:9110; Address is its host and port.
	URL, Address string

	options  ApplianceOptions
	switches []Switch // guarded by the appliance's mu
	cancel   context.CancelFunc
	ended    chan error
}

// StartAppliance starts a node at an address of loopback; "" is 127.0.0.1 with
// a free port. It ends when the context ends or Close is called; either way call
// Close to wait for the end.
func StartAppliance(ctx context.Context, addr string, o ApplianceOptions) (*RunningAppliance, error) {
	l, err := listenLoopback(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("starting the demo appliance: %w", err)
	}
	a := &RunningAppliance{
		Appliance: NewAppliance(o), options: o, URL: "http://" + l.Addr().String(), Address: l.Addr().String(),
		switches: applianceSwitches(), ended: make(chan error, 1),
	}
	ctx, a.cancel = context.WithCancel(ctx)
	server := &http.Server{
		Handler: a.Appliance, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTime, WriteTimeout: requestTime,
		IdleTimeout: idleTime, MaxHeaderBytes: headerLimit,
	}
	go func() { a.ended <- serveUntilDone(ctx, server, l) }()
	return a, nil
}

// Close stops the node and returns once it has ended. It is called once.
func (a *RunningAppliance) Close() error {
	a.cancel()
	return <-a.ended
}

func applianceSwitches() []Switch {
	var list []Switch
	for _, r := range ApplianceResources() {
		list = append(list, Switch{Name: "appliance-" + r, Description: "the appliance answers 520 for " + r})
	}
	for _, c := range ApplianceComponents() {
		list = append(list, Switch{Name: "appliance-testall-" + c, Description: "the appliance's /testall answers 500: " + c + " seems down"})
	}
	return append(list,
		Switch{Name: SwitchApplianceKey, Description: "the appliance has another health key"},
		Switch{Name: SwitchApplianceClock, Description: "the appliance's clock is a minute ahead"},
		Switch{Name: SwitchApplianceHost, Description: "another node of the appliance answers in this one's place"},
		Switch{Name: SwitchApplianceLimit, Description: "others use up the appliance's ten requests a second: it answers 429"},
	)
}

// Set throws the named switch (broken) or puts it back, with the next request.
func (a *RunningAppliance) Set(name string, broken bool) error {
	i := slices.IndexFunc(a.switches, func(s Switch) bool { return s.Name == name })
	if i < 0 {
		return unknownSwitch(name, a.switches)
	}
	var err error
	what := strings.TrimPrefix(name, "appliance-")
	switch component, isComponent := strings.CutPrefix(what, "testall-"); {
	case isComponent:
		err = a.SetComponentDown(component, broken)
	case name == SwitchApplianceKey:
		a.SetKey(unless(broken, cmp.Or(a.options.Key, ApplianceKey), "another-key"))
	case name == SwitchApplianceClock:
		a.SetClock(unless(broken, 0, applianceClockOff))
	case name == SwitchApplianceHost:
		host := cmp.Or(a.options.Host, ApplianceHost)
		a.SetHost(unless(broken, host, "not-"+host))
	case name == SwitchApplianceLimit:
		a.SetUsedUp(broken)
	default:
		err = a.SetBroken(what, broken)
	}
	if err == nil {
		a.set(func() { a.switches[i].Broken = broken })
	}
	return err
}

// Switches returns the appliance's switches in their fixed order.
func (a *RunningAppliance) Switches() []Switch {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.switches)
}

// unless returns the good value, or the bad one where something is broken.
func unless[T any](broken bool, good, bad T) T {
	if broken {
		return bad
	}
	return good
}
