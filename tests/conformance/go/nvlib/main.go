// SPDX-License-Identifier: Apache-2.0

// Walks GPUs, MIG devices and MIG profiles with go-nvlib, as NVIDIA's Kubernetes and container programs do, and prints
// what it is told as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/NVIDIA/go-nvlib/pkg/nvlib/device"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type gpu struct {
	Index      int      `json:"index"`
	Family     string   `json:"family"`
	Compute    string   `json:"compute"`
	BusID      string   `json:"busId"`
	Capable    bool     `json:"capable"`
	Enabled    bool     `json:"enabled"`
	Fabric     bool     `json:"fabric"`
	Coherent   bool     `json:"coherent"`
	Profiles   []string `json:"profiles"`
	MigDevices []mig    `json:"migDevices"`
}

type mig struct {
	Index   int    `json:"index"`
	UUID    string `json:"uuid"`
	Profile string `json:"profile"`
	Parsed  bool   `json:"parsed"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	library := nvml.New()
	if code := library.Init(); code != nvml.SUCCESS {
		check(fmt.Errorf("init: %v", code))
	}
	devices, found := device.New(library), []gpu{}
	check(devices.VisitDevices(func(i int, d device.Device) error {
		one, err := look(devices, i, d)
		found = append(found, one)
		return err
	}))
	check(json.NewEncoder(os.Stdout).Encode(found))
}

func look(devices device.Interface, i int, d device.Device) (one gpu, err error) {
	one = gpu{Index: i, Profiles: []string{}, MigDevices: []mig{}}
	if one.Family, err = d.GetArchitectureAsString(); err != nil {
		return
	}
	if one.Compute, err = d.GetCudaComputeCapabilityAsString(); err != nil {
		return
	}
	if one.BusID, err = d.GetPCIBusID(); err != nil {
		return
	}
	if one.Capable, err = d.IsMigCapable(); err != nil {
		return
	}
	if one.Enabled, err = d.IsMigEnabled(); err != nil {
		return
	}
	if one.Fabric, err = d.IsFabricAttached(); err != nil {
		return
	}
	if one.Coherent, err = d.IsCoherent(); err != nil {
		return
	}
	if err = d.VisitMigProfiles(func(p device.MigProfile) error {
		one.Profiles = append(one.Profiles, p.String())
		return nil
	}); err != nil {
		return
	}
	err = d.VisitMigDevices(func(j int, m device.MigDevice) error {
		uuid, code := m.GetUUID()
		if code != nvml.SUCCESS {
			return fmt.Errorf("UUID: %v", code)
		}
		profile, err := m.GetProfile()
		if err != nil {
			return err
		}
		parsed, err := devices.ParseMigProfile(profile.String())
		one.MigDevices = append(one.MigDevices, mig{j, uuid, profile.String(), err == nil && parsed.String() == profile.String()})
		return nil
	})
	return
}
