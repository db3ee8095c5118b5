// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sort"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type gpuInstance struct {
	handle nvml.GpuInstance
	info   nvml.GpuInstanceInfo
}

// Creates instances until the profile is full, compute instances in the first one, then destroys
// all.
func (w *walk) fill(profile *nvml.GpuInstanceProfileInfo) {
	made, left := []gpuInstance{}, ""
	var code nvml.Return
	for {
		var handle nvml.GpuInstance
		if handle, code = w.device.CreateGpuInstance(profile); code != nvml.SUCCESS {
			break
		}
		info, got := handle.GetInfo()
		must(got, "info of a GPU instance")
		made = append(made, gpuInstance{handle, info})
		left += fmt.Sprintf(" %d", w.room(profile))
	}
	w.say("fill %d: made %d then %s left%s", profile.Id, len(made), word(code), left)
	sort.Slice(made, func(i, j int) bool { return made[i].info.Placement.Start < made[j].info.Placement.Start })
	known, code := w.device.GetGpuInstances(profile)
	must(code, "GPU instances")
	for _, one := range made {
		again, code := w.device.GetGpuInstanceById(int(one.info.Id))
		must(code, "GPU instance by id")
		listed := false
		for _, other := range known {
			listed = listed || other == one.handle
		}
		w.say("fill %d gi %d profile %d at %d:%d same %d listed %d of %d own %d", profile.Id, one.info.Id, one.info.ProfileId,
			one.info.Placement.Start, one.info.Placement.Size, digit(again == one.handle), digit(listed), len(known),
			digit(one.info.Device == w.device))
	}
	w.compute(profile, made[0].handle)
	for _, one := range made {
		code = one.handle.Destroy()
	}
	_, stale := made[0].handle.GetInfo()
	_, absent := w.device.GetGpuInstanceById(int(made[0].info.Id))
	w.say("emptied %d: %s stale %s by id %s", profile.Id, word(code), word(stale), word(absent))
}

// One instance alone on the GPU, at each of its placements; a second one at the same placement; and
// illegal placements.
func (w *walk) place(profile *nvml.GpuInstanceProfileInfo) {
	places := w.places(profile)
	for _, p := range places {
		where := nvml.GpuInstancePlacement{Start: p.start, Size: p.size}
		gi, code := w.device.CreateGpuInstanceWithPlacement(profile, &where)
		must(code, "create at a place")
		info, got := gi.GetInfo()
		must(got, "info of a GPU instance")
		_, again := w.device.CreateGpuInstanceWithPlacement(profile, &where)
		w.say("place %d at %d: %s gi %d at %d:%d again %s destroy %s", profile.Id, p.start, word(code), info.Id,
			info.Placement.Start, info.Placement.Size, word(again), word(gi.Destroy()))
	}
	_, code := w.device.CreateGpuInstanceWithPlacement(profile,
		&nvml.GpuInstancePlacement{Start: places[0].start, Size: places[0].size + 1})
	w.say("place %d crooked: %s", profile.Id, word(code))
}

func (w *walk) compute(of *nvml.GpuInstanceProfileInfo, gi nvml.GpuInstance) {
	for index := 0; index < 9; index++ {
		info, code := gi.GetComputeInstanceProfileInfo(index, nvml.COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED)
		named, again := gi.GetComputeInstanceProfileInfoV(index, nvml.COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED).V2()
		if code != nvml.SUCCESS || again != nvml.SUCCESS {
			w.say("in %d ci profile %d: %s %s", of.Id, index, word(code), word(again))
			continue
		}
		found, code := gi.GetComputeInstancePossiblePlacements(&info)
		must(code, "places of a compute instance")
		places := []place{}
		for _, p := range found {
			places = append(places, place{p.Start, p.Size})
		}
		w.say("in %d ci profile %d: id %d slices %d max %d sm %d ce %d dec %d enc %d jpeg %d ofa %d name %s places %s", of.Id,
			index, info.Id, info.SliceCount, info.InstanceCount, info.MultiprocessorCount, info.SharedCopyEngineCount,
			info.SharedDecoderCount, info.SharedEncoderCount, info.SharedJpegCount, info.SharedOfaCount,
			text(named.Name[:]), placed(places))
		w.placeCompute(gi, &info, places)
		w.fillCompute(of, gi, &info)
	}
}

// One instance per placement, read back; prints a line only on a deviation.
func (w *walk) placeCompute(gi nvml.GpuInstance, profile *nvml.ComputeInstanceProfileInfo, places []place) {
	for _, p := range places {
		ci, code := gi.CreateComputeInstanceWithPlacement(profile, &nvml.ComputeInstancePlacement{Start: p.start, Size: p.size})
		must(code, "create a compute instance at a place")
		info, code := ci.GetInfo()
		if code != nvml.SUCCESS || info.Placement.Start != p.start || info.Placement.Size != p.size {
			w.say("ci profile %d asked for %d:%d lies at %d:%d", profile.Id, p.start, p.size, info.Placement.Start,
				info.Placement.Size)
		}
		must(ci.Destroy(), "destroy a placed compute instance")
	}
}

func (w *walk) fillCompute(of *nvml.GpuInstanceProfileInfo, gi nvml.GpuInstance, profile *nvml.ComputeInstanceProfileInfo) {
	handles, infos, places := []nvml.ComputeInstance{}, []nvml.ComputeInstanceInfo{}, []place{}
	var code nvml.Return
	for {
		var handle nvml.ComputeInstance
		if handle, code = gi.CreateComputeInstance(profile); code != nvml.SUCCESS {
			break
		}
		info, got := handle.GetInfo()
		must(got, "info of a compute instance")
		handles, infos = append(handles, handle), append(infos, info)
		places = append(places, place{info.Placement.Start, info.Placement.Size})
	}
	left, got := gi.GetComputeInstanceRemainingCapacity(profile)
	must(got, "remaining capacity of compute instances")
	known, got := gi.GetComputeInstances(profile)
	must(got, "compute instances")
	fits := true
	for i, info := range infos {
		again, got := gi.GetComputeInstanceById(int(info.Id))
		must(got, "compute instance by id")
		fits = fits && again == handles[i] && info.Id == uint32(i) && info.ProfileId == profile.Id && info.GpuInstance == gi
	}
	say := fmt.Sprintf("in %d ci fill %d", of.Id, profile.Id)
	w.say("%s: made %d then %s left %d listed %d at %s fits %d", say, len(handles), word(code), left, len(known),
		placed(places), digit(fits))
	w.migDevices(infos)
	w.say("%s: destroy gi %s", say, word(gi.Destroy()))
	for _, handle := range handles {
		code = handle.Destroy()
	}
	w.say("%s: destroy %s stale %s", say, word(code), word(handles[0].Destroy()))
}

func (w *walk) migDevices(infos []nvml.ComputeInstanceInfo) {
	_, code := w.device.GetMigDeviceHandleByIndex(len(infos))
	w.say("mig device %d: %s", len(infos), word(code))
	for i := range infos {
		mig, code := w.device.GetMigDeviceHandleByIndex(i)
		must(code, "MIG device")
		gi, code := mig.GetGpuInstanceId()
		must(code, "GPU instance id")
		ci, code := mig.GetComputeInstanceId()
		must(code, "compute instance id")
		a, code := mig.GetAttributes()
		must(code, "attributes")
		parent, code := mig.GetDeviceHandleFromMigDeviceHandle()
		must(code, "parent")
		uuid, code := mig.GetUUID()
		must(code, "UUID")
		back, code := nvml.DeviceGetHandleByUUID(uuid)
		must(code, "by UUID")
		name, code := mig.GetName()
		must(code, "name")
		is, code := mig.IsMigDeviceHandle()
		must(code, "is a MIG device")
		memory, code := mig.GetMemoryInfo()
		must(code, "memory")
		w.say("mig device %d: name %s gi %d ci %d is %d sm %d ce %d dec %d enc %d jpeg %d ofa %d slices %d %d mib %d memory %d "+
			"back %d parent %d of ci %d", i, name, gi, ci, digit(is), a.MultiprocessorCount, a.SharedCopyEngineCount,
			a.SharedDecoderCount, a.SharedEncoderCount, a.SharedJpegCount, a.SharedOfaCount, a.GpuInstanceSliceCount,
			a.ComputeInstanceSliceCount, a.MemorySizeMB, memory.Total, digit(back == mig), digit(parent == w.device),
			digit(infos[ci].Device == mig))
	}
}
