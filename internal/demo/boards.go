package demo

import (
	"fmt"
	"slices"
	"strings"
)

// Board has switches: a [Provider], a [RunningAppliance], or several of them.
type Board interface {
	// Switches returns the switches in their fixed order.
	Switches() []Switch
	// Set throws the named switch (broken) or puts it back.
	Set(name string, broken bool) error
}

// Boards are several boards taken together. No two have a switch of one name.
type Boards []Board

// Switches implements [Board].
func (b Boards) Switches() []Switch {
	var all []Switch
	for _, board := range b {
		all = append(all, board.Switches()...)
	}
	return all
}

// Set implements [Board]. The error of an unknown name lists the names there are.
func (b Boards) Set(name string, broken bool) error {
	for _, board := range b {
		if slices.ContainsFunc(board.Switches(), func(s Switch) bool { return s.Name == name }) {
			return board.Set(name, broken)
		}
	}
	return unknownSwitch(name, b.Switches())
}

// Switches lists the switches of the whole demo, the provider's and then the
// appliance's, in the order they are shown.
func Switches() []Switch {
	list := switchList()
	return append(list[:], applianceSwitches()...)
}

// SwitchNames lists the names of switches in one line.
func SwitchNames(switches []Switch) string {
	names := make([]string, len(switches))
	for i, s := range switches {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

func unknownSwitch(name string, known []Switch) error {
	return fmt.Errorf("no switch is named %q: use one of %s", name, SwitchNames(known))
}
