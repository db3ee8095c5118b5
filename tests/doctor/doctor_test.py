#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each check of `migctl doctor` on a machine that is well, and on one that is broken so that this check tells.

    doctor_test.py BIN [--only ID] [--show]

The list of checks is `migctl doctor --list --json`; one without a row in BREAKS fails, and so does a row without a check. A row
breaks a machine on which the check was ok just before, so that what it tells is what was broken.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import machine as frame  # noqa: E402  pylint: disable=wrong-import-position

WELL = "2x h200-141gb"
A100 = "1x a100-sxm4-40gb"
DESK = "1x rtx-pro-6000-maxq"
NOBODY = 65534


class Skip(Exception):
    """This host cannot show the fault."""


@dataclasses.dataclass
class Break:
    """How to break a machine so that one check tells."""
    verdict: str
    told: tuple  # texts that found, evidence, cause or mend must have
    make: callable
    gpus: str = WELL
    well: str = "ok"  # verdict before
    prepare: callable = frame.Machine.make_well
    words: tuple = ()  # options of doctor
    options: tuple = ()  # of sim create
    environment: dict = dataclasses.field(default_factory=dict)


def of_user(box, function):
    if not frame.is_root():
        raise Skip("only root can be another user")
    return function(box)


def pending(box):
    done = box.migctl("mode", "enable", "-i", "0", check=False)
    if done.returncode == 0:
        raise AssertionError("mode enable was not refused:\n" + done.stdout + done.stderr)
    box.migctl("smi", "-i", "0", "-mig", "1", check=False)


def holder(box):
    box.sleeper = subprocess.Popen(["sleep", "600"], stdin=open(box.tree / "dev/nvidia0", "rb"))  # pylint: disable=consider-using-with
    box.daemons.append(box.sleeper)


def empty_instance(box):
    gpu, gi, ci = box.instances()[0]
    box.migctl("destroy", "-i", str(gpu["index"]), "--gi", str(gi["id"]), "--ci", str(ci["id"]))


def no_room(box):
    # The last slot and one compute slice are left, and no profile may lie there.
    box.migctl("mode", "enable", "-i", "0")
    for word in ("3g.20gb:0", "2g.10gb:4", "1g.5gb:6"):
        box.migctl("create", word, "-i", "0")


def unleased(box):
    _, _, ci = box.instances()[0]
    work = subprocess.Popen(["mig-workload", "train", "--seconds", "600"],  # pylint: disable=consider-using-with
                            env={**box.environment, "MIGSIM_MACHINE": str(box.dir), "CUDA_VISIBLE_DEVICES": ci["uuid"], "HOME": "/"},
                            user=NOBODY, group=NOBODY, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    box.daemons.append(work)
    box.until(lambda: any(process["pid"] == work.pid for gpu in json.loads(box.migctl("list", "--json").stdout)["gpus"]
                          for gi in gpu["gpuInstances"] for process in gi["processes"]))


def capability(box):
    gpu, gi, ci = box.instances()[0]
    key = "gpu" + str(gpu["index"]) + "/gi" + str(gi["id"]) + "/ci" + str(ci["id"]) + "/access"
    return box.tree / f"dev/nvidia-caps/nvidia-cap{box.minors()[key]}"


def full_state(box):
    """A state folder on a file system with almost no room."""
    tiny = box.folder / "tiny"
    tiny.mkdir()
    if not frame.is_root() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tiny)], check=False,
                                             capture_output=True).returncode != 0:
        raise Skip("no file system can be mounted")
    box.mounted = tiny
    box.environment["MIGCTL_STATE_DIR"] = str(tiny)


def cut_short(box):
    box.sim("inject", "--call", "nvmlGpuInstanceDestroy", "--kill", "after")
    box.migctl("destroy", "--all", "-i", "0", check=False)
    box.sim("inject", "--clear")


def stopped_daemon(box):
    box.daemons[0].send_signal(signal.SIGSTOP)


def another_layout(box):
    gpu, gi, _ = box.instances()[0]
    box.migctl("smi", "mig", "-dci", "-i", str(gpu["index"]), "-gi", str(gi["id"]))
    box.migctl("smi", "mig", "-dgi", "-i", str(gpu["index"]), "-gi", str(gi["id"]))


def swapped_nodes(box):
    """The CDI file gives one instance the nodes of another."""
    minors, (first, second, *_) = box.minors(), [one for one in box.instances() if one[0]["index"] == 0]
    nodes = [f"nvidia-cap{minors['gpu0/gi' + str(one[1]['id']) + '/ci' + str(one[2]['id']) + '/access']}" for one in (first, second)]
    text = (box.tree / "etc/cdi/nvidia.yaml").read_text()
    for old, new in ((nodes[0] + "\n", "@\n"), (nodes[1] + "\n", nodes[0] + "\n"), ("@\n", nodes[1] + "\n")):
        text = text.replace(old, new)
    box.put("etc/cdi/nvidia.yaml", text)


def own_file_spoilt(box):
    """The file that migctl keeps, changed by somebody else."""
    box.remove("etc/cdi/nvidia.yaml")
    box.migctl("cdi", "generate")
    box.edit("var/run/cdi/migctl.json", "nvidia-caps/", "nvidia-cops/")


MANAGER = "proc/4194999"


def with_switches(box):
    """A board with NVSwitch of the time before drivers told the fabric's state, and the fabric manager."""
    box.put("proc/driver/nvidia-nvswitch/devices/0000:01:00.0", "")
    box.put(MANAGER + "/comm", "nv-fabricmanage\n")


def nothing(box):
    del box


def make_node(path):
    """The null device in the place of a node: numbers that are not the driver's."""
    path.unlink()
    try:
        os.mknod(path, 0o20444, os.makedev(1, 3))
    except PermissionError as error:
        raise Skip("no device can be made here") from error
    path.chmod(0o444)


def wrong_number(box):
    make_node(box.tree / "dev/nvidia0")


def wrong_minor(box):
    gpu, gi, _ = box.instances()[0]
    path = f"proc/driver/nvidia/capabilities/gpu{gpu['index']}/mig/gi{gi['id']}/access"
    box.edit(path, "DeviceFileMinor: ", "DeviceFileMinor: 999\nWas: ")


def bind_other(box, driver):
    device = sorted((box.tree / "sys/bus/pci/devices").iterdir())[0].resolve()
    (device / "driver").unlink()
    if driver:
        (device / "driver").symlink_to("../../../bus/pci/drivers/" + driver)


def no_toolkit(box):
    if any(pathlib.Path(folder, "nvidia-ctk").exists() for folder in ("/usr/bin", "/usr/local/bin", "/usr/sbin")):
        raise Skip("this host has nvidia-ctk")
    box.remove("usr/bin/nvidia-ctk")


def damage(box):
    box.daemons[0].kill()
    box.daemons[0].wait()
    for name in ("journal.db-wal", "journal.db-shm"):
        (box.dir / name).unlink(missing_ok=True)
    (box.dir / "journal.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)


def other_version(box):
    """A daemon that answers as one of another version does."""
    box.daemons[0].kill()
    box.daemons[0].wait()
    fake = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).resolve().parent / "fake_daemon.py"), str(box.socket())])  # pylint: disable=consider-using-with
    box.daemons.append(fake)
    box.until(lambda: box.socket().exists() and "listens" not in box.check("migd")["found"])


# Checks that no symptom leads to: they are hints before anything fails.
NO_SYMPTOM = ("modules", "nouveau", "module-options", "persistence", "cgroup", "state-folder", "state-space")

BREAKS = {
    "driver": [
        Break("problem", ("NVML_ERROR_DRIVER_NOT_LOADED", "modprobe nvidia"),
              lambda box: box.sim("inject", "--call", "nvmlInit_v2", "--fail", "DRIVER_NOT_LOADED", "--repeat", "0")),
        Break("problem", ("no answer within 2 s", "dmesg"), words=("--limit", "2s"),
              make=lambda box: box.sim("inject", "--call", "nvmlInit_v2", "--hang", "forever", "--repeat", "0")),
        Break("problem", ("ended the process",),
              lambda box: box.sim("inject", "--call", "nvmlInit_v2", "--kill", "before", "--repeat", "0"))],
    "driver-version": [
        Break("problem", ("570.1.2", "updated while"), lambda box: box.put("sys/module/nvidia/version", "570.1.2\n", 0o444)),
        Break("problem", ("LIB_RM_VERSION_MISMATCH",),
              lambda box: box.sim("inject", "--call", "nvmlInit_v2", "--fail", "LIB_RM_VERSION_MISMATCH", "--repeat", "0"))],
    "modules": [
        Break("problem", ("modprobe nvidia",), lambda box: box.put("proc/modules", "ext4 1 0 - Live 0x0\n")),
        Break("warning", ("nvidia_uvm is missing",), lambda box: box.put("proc/modules", "nvidia 1 0 - Live 0x0\n")),
        Break("problem", ("no nvidia-caps",), lambda box: box.put("proc/devices", "Character devices:\n195 nvidia\n"))],
    "nouveau": [
        Break("problem", ("nouveau is loaded", "blacklist nouveau"),
              lambda box: box.edit("proc/modules", "nvidia_uvm ", "nouveau 1 0 - Live 0x0\nnvidia_uvm "))],
    "module-options": [
        Break("note", ("ModifyDeviceFiles: 0",),
              lambda box: box.edit("proc/driver/nvidia/params", "ModifyDeviceFiles: 1", "ModifyDeviceFiles: 0")),
        Break("warning", ("ExcludedGpus", "hidden"),
              lambda box: box.edit("proc/driver/nvidia/params", 'ExcludedGpus: ""', 'ExcludedGpus: "GPU-1"')),
        Break("note", ("NVreg_DeviceFileMode=432", "438 is in effect"),
              lambda box: box.put("etc/modprobe.d/a.conf", "options nvidia NVreg_DeviceFileMode=432\n")),
        Break("warning", ("blacklist nvidia",), lambda box: box.put("etc/modprobe.d/b.conf", "blacklist nvidia\n"))],
    "pci": [
        Break("warning", ("driver: vfio-pci",), lambda box: bind_other(box, "vfio-pci")),
        Break("warning", ("driver: none",), lambda box: bind_other(box, ""))],
    "gpu-lost": [
        Break("problem", ("1 GPU cannot be opened", "GPU 1", "migctl sim reboot box"),
              lambda box: box.sim("inject", "--lost", "--gpu", "1"))],
    "xid": [
        Break("note", ("Xid 31 on GPU 0", "2 times"), lambda box: [box.sim("inject", "--xid", "31", "--gpu", "0") for _ in "ab"]),
        Break("problem", ("Xid 79 on PCI 0000:", "fell off the bus"), lambda box: box.sim("inject", "--lost", "--gpu", "1")),
        Break("warning", ("Xid 94 on GPU 0 gi=05", "contained"),
              lambda box: box.sim("inject", "--xid", "94", "--gpu", "0", "--gi", "5"))],
    "ecc": [
        Break("note", ("on now, off pending", "migctl sim reset box --gpu 0"), lambda box: box.migctl("smi", "-i", "0", "-e", "0")),
        Break("problem", ("1 uncorrected",), lambda box: box.sim("inject", "--memory", "uncorrected", "--gpu", "0"))],
    "row-remap": [
        Break("warning", ("GPU 1: a row is remapped", "migctl sim reset box --gpu 1"),
              lambda box: box.sim("inject", "--memory", "remap-pending", "--gpu", "1")),
        Break("problem", ("could not be remapped", "replaced"),
              lambda box: box.sim("inject", "--memory", "remap-failed", "--gpu", "0"))],
    "recovery": [
        Break("problem", ("GPU 0: reset", "migctl sim reset box --gpu 0"),
              lambda box: box.sim("inject", "--recovery", "reset", "--gpu", "0")),
        Break("problem", ("reboot", "migctl sim reboot box"), lambda box: box.sim("inject", "--recovery", "reboot", "--gpu", "0")),
        Break("problem", ("drain and reset", "start nothing new"),
              lambda box: box.sim("inject", "--recovery", "drain-and-reset", "--gpu", "0"))],
    "mig-support": [
        Break("problem", ("0 of 1 support MIG",), nothing, DESK, None, nothing, options=("--graphics",)),
        Break("note", ("1 of 2 support MIG",), nothing, "2x rtx-pro-6000-maxq", None, nothing, options=("--graphics=0",))],
    "display-mode": [
        Break("problem", ("display outputs on", "graphics mode"), nothing, DESK, None, nothing, options=("--graphics",))],
    "mig-mode": [
        Break("warning", ("not all with instances",), lambda box: box.migctl("destroy", "--all", "-i", "0")),
        Break("note", ("on for 0 of 2", "migctl --sim box mode enable"), nothing, well=None, prepare=nothing)],
    "mig-pending": [
        Break("warning", ("MIG is off, and will be on", "nv-hostengine", "migctl sim clients box --stop nvidia-dcgm.service",
                          "migctl sim reset box --gpu 0"), pending, A100, prepare=nothing, options=("--clients", "dcgm")),
        Break("warning", ("passed through", "migctl sim reboot box"), lambda box: box.migctl("smi", "-i", "0", "-mig", "1", check=False),
              A100, prepare=nothing, options=("--vm",))],
    "holders": [
        Break("note", ("1 holder", "sleep", "mode change and reset"), holder)],
    "persistence": [
        Break("note", ("off on 2 of 2", "smi -pm 1"), lambda box: box.migctl("smi", "-pm", "0")),
        Break("problem", ("no answer within 2 s",), words=("--limit", "2s"),
              make=lambda box: box.sim("inject", "--call", "nvmlDeviceGetPersistenceMode", "--hang", "forever", "--repeat", "0"))],
    "fabric": [
        Break("problem", ("fabric manager does not run", "1 switch", "nvidia-fabricmanager"),
              lambda box: box.remove(MANAGER), "2x a100-sxm4-40gb", prepare=with_switches),
        Break("problem", ("NVML_ERROR_UNKNOWN",),
              lambda box: box.sim("inject", "--call", "nvmlDeviceGetGpuFabricInfoV", "--fail", "UNKNOWN", "--repeat", "0"))],
    "empty-instances": [
        Break("warning", ("without a compute instance", "mig -cci -gi"), empty_instance)],
    "room": [
        Break("note", ("1 of 8 memory slots and 1 of 7 compute slices free, no profile fits",), no_room, A100, None, nothing)],
    "drift": [
        Break("warning", ("away from the last layout", "to go back: create", "restore --last-good"), another_layout),
        Break("warning", ("enable",), lambda box: box.sim("reboot"))],
    "unleased": [
        Break("warning", (f"uid {NOBODY}", "1 process without"), lambda box: of_user(box, unleased), options=("--shared",))],
    "device-nodes": [
        Break("problem", ("nvidia1: missing", "nvidia-modprobe -c 1"), lambda box: box.remove("dev/nvidia1")),
        Break("warning", ("mode 0600", "chmod 0666"), lambda box: (box.tree / "dev/nvidia0").chmod(0o600)),
        Break("warning", ("nvidia-uvm: missing",), lambda box: box.remove("dev/nvidia-uvm")),
        Break("problem", ("is 1:3, the driver has 195:0",), lambda box: of_user(box, wrong_number))],
    "capability-nodes": [
        Break("problem", ("missing", "nvidia-modprobe -f"), lambda box: capability(box).unlink()),
        Break("warning", ("mode 0400", "chmod 0444"), lambda box: capability(box).chmod(0o400)),
        Break("problem", ("is 1:3, the driver has 241:",), lambda box: of_user(box, lambda here: make_node(capability(here)))),
        Break("problem", ("DeviceFileMinor 999",), wrong_minor)],
    "cdi-files": [
        Break("problem", ("etc/cdi/broken.yaml",), lambda box: box.put("etc/cdi/broken.yaml", "cdiVersion: [\n")),
        Break("problem", ("is in ", "unresolvable"), lambda box: box.write_cdi("/etc/cdi/again.yaml")),
        Break("note", ("mode 0600",), lambda box: (box.tree / "etc/cdi/nvidia.yaml").chmod(0o600)),
        Break("problem", ("no CDI name",),
              lambda box: box.put("etc/cdi/plus.yaml", 'cdiVersion: "0.5.0"\nkind: a.com/b\ndevices: [{name: 1g.5gb+me}]\n'))],
    "cdi-devices": [
        Break("problem", ("is an instance that does not exist", "nvidia-ctk cdi generate"), another_layout),
        Break("problem", ("not of its own nvidia-cap",), swapped_nodes),
        Break("problem", ("gives the nodes of no instance", "migctl --sim box cdi generate"), own_file_spoilt),
        Break("warning", ("in no CDI file: MIG-",),
              lambda box: (box.migctl("destroy", "--all", "-i", "1"), box.write_cdi(),
                           box.migctl("create", "1g.18gb", "-i", "1"))),
        Break("problem", ("a whole GPU, which is in MIG mode",),
              lambda box: box.put("etc/cdi/whole.yaml", 'cdiVersion: "0.5.0"\nkind: nvidia.com/gpu\ndevices:\n'
                                  '- {name: "0", containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}}\n'))],
    "cdi-driver": [
        Break("problem", ("but the driver is",),
              lambda box: box.edit("etc/cdi/nvidia.yaml", "hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.5",
                                   "hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.4")),
        Break("problem", ("/nowhere/hook: does not exist",),
              lambda box: box.put("etc/cdi/hook.yaml", 'cdiVersion: "0.5.0"\nkind: a.com/b\ndevices:\n'
                                  '- {name: a, containerEdits: {hooks: [{hookName: createContainer, path: /nowhere/hook}]}}\n'))],
    "container-toolkit": [
        Break("warning", ("version 1.16.2", "CVE-2025-23266"),
              lambda box: box.put("usr/bin/nvidia-ctk", "#!/bin/sh\necho NVIDIA Container Toolkit CLI version 1.16.2\n", 0o755)),
        Break("problem", ("version 1.11.0",),
              lambda box: box.put("usr/bin/nvidia-ctk", "#!/bin/sh\necho version 1.11.0-rc.1\n", 0o755)),
        Break("warning", ("no nvidia-ctk", "migctl --sim box cdi generate"), no_toolkit)],
    "cgroup": [
        Break("warning", ("no control group file system",), lambda box: box.remove("sys/fs/cgroup/cgroup.controllers")),
        Break("note", ("version 1, devices controller mounted",),
              lambda box: (box.remove("sys/fs/cgroup/cgroup.controllers"), box.put("sys/fs/cgroup/devices/cgroup.procs", "")))],
    "permissions": [
        Break("note", ("may look, not change",), lambda box: of_user(box, nothing), environment={"as": NOBODY}, options=("--shared",)),
        Break("problem", ("root, and still refused",), lambda box: of_user(box, nothing), environment={"MIGSIM_AS_USER": "1"}),
        Break("problem", ("nvidiactl",), lambda box: box.remove("dev/nvidiactl"))],
    "state-folder": [
        Break("problem", ("chmod go-w",), lambda box: box.dir.chmod(0o777)),
        Break("problem", ("journal.db", "changes are refused"), damage)],
    "state-space": [
        Break("problem", ("make room",), full_state)],
    "interrupted": [
        Break("problem", ("was cut short", "migctl --sim box recover"), cut_short)],
    "migd": [
        Break("note", ("no daemon listens", "migctl --sim box serve"), lambda box: (box.daemons[0].terminate(), box.daemons[0].wait())),
        Break("problem", ("does not answer",), stopped_daemon),
        Break("warning", ("of another version", "the daemon is migctl 9.9.9"), other_version)],
}


def text_of(result):
    return "\n".join([result["found"], *result["evidence"], result["cause"] or "", *result["mend"]])


def try_break(binaries, name, row, show):
    """None, or what is wrong."""
    box = frame.Machine(binaries, row.gpus, *row.options)
    try:
        row.prepare(box)
        if row.well:
            before = box.check(name)
            if before["verdict"] != row.well:
                return f"before: {before['verdict']}, wanted {row.well}\n{text_of(before)}"
        row.make(box)
        more = {"user": row.environment["as"], "group": row.environment["as"]} if "as" in row.environment else {}
        add = {key: value for key, value in row.environment.items() if key != "as"}
        result = box.check(name, *row.words, add=add, **more)
        if show:
            print(json.dumps(result, indent=2))
        if result["verdict"] != row.verdict:
            return f"broken: {result['verdict']}, wanted {row.verdict}\n{text_of(result)}"
        missing = [text for text in row.told if text not in text_of(result)]
        return f"it does not say {missing}\n{text_of(result)}" if missing else None
    finally:
        if getattr(box, "mounted", None):
            subprocess.run(["umount", str(box.mounted)], check=False)
        box.close()


def check_well(binaries):
    """All checks of a machine that is well, in one run; and without rights."""
    box = frame.Machine(binaries, WELL, "--shared")
    try:
        box.make_well()
        code, document = box.doctor()
        bad = [f"{one['id']}: {one['verdict']}: {text_of(one)}" for one in document["checks"] if one["verdict"] != "ok"]
        if code != 0 or bad:
            return f"a machine that is well: exit code {code}\n" + "\n".join(bad)
        if frame.is_root():
            code, document = box.doctor(user=NOBODY, group=NOBODY)
            if code != 0 or document["privileged"] or document["counts"]["ok"] < 20:
                return f"without rights: exit code {code}\n{json.dumps(document, indent=2)}"
        return None
    finally:
        box.close()


def check_guarded(binaries):
    """Nodes that the daemon guards have modes and access lists of its own, which are no fault."""
    box = frame.Machine(binaries, WELL)
    try:
        box.make_well(guard="auto")
        if not (box.dir / "leases.db.guarded").exists():
            print("capability-nodes: SKIPPED: no access lists here")
            return None
        result = box.check("capability-nodes")
        good = result["verdict"] == "ok" and "guarded by migd" in result["found"] and frame.mode_of(capability(box)) != 0o444
        return None if good else f"guarded nodes: {frame.mode_of(capability(box)):o} {text_of(result)}"
    finally:
        box.close()


def check_hanging(binaries):
    """A driver that hangs costs one limit, and not one for each check; what needs no driver is looked at."""
    box = frame.Machine(binaries, WELL)
    try:
        box.make_well()
        box.sim("inject", "--call", "nvmlDeviceGetHandleByIndex_v2", "--hang", "forever", "--repeat", "0")
        begin = time.monotonic()
        code, document = box.doctor("--limit", "10s")
        took = time.monotonic() - begin
        verdicts = {one["id"]: one["verdict"] for one in document["checks"]}
        hung = [one["id"] for one in document["checks"] if one["found"].startswith("no answer within")]
        if code != 22 or hung != ["gpu-lost"] or verdicts["xid"] != "ok" or verdicts["state-folder"] != "ok" or verdicts["mig-mode"] != "not_here":
            return f"a driver that hangs: exit code {code}, {took:.0f} s, {hung}, {verdicts}"
        return None
    finally:
        box.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--only")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    binaries = str(pathlib.Path(arguments.bin).resolve())
    listed = subprocess.run([f"{binaries}/migctl", "doctor", "--list", "--json"], capture_output=True, text=True, check=True)
    names = [check["id"] for check in json.loads(listed.stdout)["checks"]]
    faults = [f"{name}: no machine on which it tells" for name in names if not BREAKS.get(name)]
    faults += [f"{name}: no such check" for name in BREAKS if name not in names]
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs/reference/doctor.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")]
    faults += [f"docs/reference/doctor.md: a heading for {name} is missing or too much" for name in set(headings) ^ set(names)]
    howto = (pathlib.Path(__file__).resolve().parents[2] / "docs/howto/troubleshoot.md").read_text(encoding="utf-8")
    faults += [f"docs/howto/troubleshoot.md: no symptom leads to {name}" for name in names
               if f"`{name}`" not in howto and name not in NO_SYMPTOM]
    count = skipped = 0
    for name in names if not arguments.only else [arguments.only]:
        for row in BREAKS.get(name) or []:
            count += 1
            try:
                wrong = try_break(binaries, name, row, arguments.show)
            except Skip as why:
                skipped += 1
                print(f"{name}: SKIPPED: {why}")
                continue
            except (AssertionError, RuntimeError, OSError) as why:
                wrong = repr(why)
            if wrong:
                faults.append(f"{name} ({row.told[0]}): {wrong}")
    if not arguments.only:
        faults += [wrong for wrong in (check_well(binaries), check_guarded(binaries), check_hanging(binaries)) if wrong]
    for fault in faults:
        print(fault)
    print(f"doctor: {len(names)} checks, {count} broken machines, {skipped} skipped, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
