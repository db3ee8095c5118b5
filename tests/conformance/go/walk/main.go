// SPDX-License-Identifier: Apache-2.0

// Asks every MIG call of every GPU through go-nvml and prints the lines that ../../nvml_walk/walk.py prints.
package main

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

var codes = map[nvml.Return]string{
	nvml.SUCCESS: "SUCCESS", nvml.ERROR_INVALID_ARGUMENT: "INVALID_ARGUMENT", nvml.ERROR_NOT_SUPPORTED: "NOT_SUPPORTED",
	nvml.ERROR_NOT_FOUND: "NOT_FOUND", nvml.ERROR_IN_USE: "IN_USE",
	nvml.ERROR_INSUFFICIENT_RESOURCES: "INSUFFICIENT_RESOURCES",
}

func word(code nvml.Return) string {
	if known, ok := codes[code]; ok {
		return known
	}
	return nvml.ErrorString(code)
}

// Ends the walk on an unexpected return code.
func must(code nvml.Return, what string) {
	if code != nvml.SUCCESS {
		fmt.Fprintf(os.Stderr, "%s: %s\n", what, word(code))
		os.Exit(1)
	}
}

func text(bytesOfName []uint8) string {
	return string(bytesOfName[:bytes.IndexByte(bytesOfName, 0)])
}

func digit(value bool) int {
	if value {
		return 1
	}
	return 0
}

type place struct{ start, size uint32 }

func placed(places []place) string {
	sort.Slice(places, func(i, j int) bool { return places[i].start < places[j].start })
	words := []string{}
	for _, p := range places {
		words = append(words, fmt.Sprintf("%d:%d", p.start, p.size))
	}
	return strings.Join(words, " ")
}

type walk struct {
	gpu      int
	device   nvml.Device
	profiles []nvml.GpuInstanceProfileInfo
}

func (w *walk) say(format string, arguments ...any) {
	fmt.Printf("gpu %d %s\n", w.gpu, fmt.Sprintf(format, arguments...))
}

func (w *walk) all() {
	name, code := w.device.GetName()
	must(code, "name")
	memory, code := w.device.GetMemoryInfo()
	must(code, "memory")
	w.say("name %s memory %d", name, memory.Total)
	w.modeLine("mig")
	w.giProfiles()
	_, code = w.device.CreateGpuInstance(&w.profiles[0])
	w.say("create with mig off: %s", word(code))
	w.mode(nvml.DEVICE_MIG_ENABLE, "enable")
	for i := range w.profiles {
		w.fill(&w.profiles[i])
		w.place(&w.profiles[i])
	}
	w.mode(nvml.DEVICE_MIG_DISABLE, "disable")
}

func (w *walk) modeLine(what string) {
	current, pending, code := w.device.GetMigMode()
	must(code, "mode")
	most, code := w.device.GetMaxMigDeviceCount()
	must(code, "most devices")
	is, code := w.device.IsMigDeviceHandle()
	must(code, "is a MIG device")
	w.say("%s: mode %d %d devices %d is %d", what, current, pending, most, digit(is))
}

func (w *walk) mode(wanted int, what string) {
	status, code := w.device.SetMigMode(wanted)
	w.say("%s: %s %s", what, word(code), word(status))
	w.modeLine(what)
}

func (w *walk) giProfiles() {
	for index := 0; index < 0x12; index++ {
		info, code := w.device.GetGpuInstanceProfileInfo(index)
		named, again := w.device.GetGpuInstanceProfileInfoV(index).V2()
		newest, third := w.device.GetGpuInstanceProfileInfoV(index).V3()
		// A real H200 (580.159.04) leaves the name of version 3 empty.
		if again != third || (third == nvml.SUCCESS && (newest.Id != named.Id || text(newest.Name[:]) != "" ||
			newest.MemorySizeMB != named.MemorySizeMB || newest.MultiprocessorCount != named.MultiprocessorCount)) {
			w.say("gi profile %d: versions 2 and 3 differ", index)
		}
		if code != nvml.SUCCESS || again != nvml.SUCCESS {
			w.say("gi profile %d: %s %s", index, word(code), word(again))
			continue
		}
		w.profiles = append(w.profiles, info)
		w.say("gi profile %d: id %d slices %d max %d sm %d ce %d dec %d enc %d jpeg %d ofa %d mib %d p2p %d name %s", index,
			info.Id, info.SliceCount, info.InstanceCount, info.MultiprocessorCount, info.CopyEngineCount, info.DecoderCount,
			info.EncoderCount, info.JpegCount, info.OfaCount, info.MemorySizeMB, info.IsP2pSupported, text(named.Name[:]))
	}
	for i := range w.profiles {
		profile := &w.profiles[i]
		w.say("gi places %d: %s room %d", profile.Id, placed(w.places(profile)), w.room(profile))
	}
}

func (w *walk) places(profile *nvml.GpuInstanceProfileInfo) []place {
	found, code := w.device.GetGpuInstancePossiblePlacements(profile)
	must(code, "possible placements")
	places := []place{}
	for _, p := range found {
		places = append(places, place{p.Start, p.Size})
	}
	placed(places) // sorts by start
	return places
}

func (w *walk) room(profile *nvml.GpuInstanceProfileInfo) int {
	room, code := w.device.GetGpuInstanceRemainingCapacity(profile)
	must(code, "remaining capacity")
	return room
}

func main() {
	must(nvml.Init(), "init")
	count, code := nvml.DeviceGetCount()
	must(code, "count")
	for gpu := 0; gpu < count; gpu++ {
		device, code := nvml.DeviceGetHandleByIndex(gpu)
		must(code, "handle")
		(&walk{gpu: gpu, device: device}).all()
	}
	must(nvml.Shutdown(), "shutdown")
}
