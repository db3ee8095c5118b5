#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docker Compose, unmodified, reads what `migctl compose render` writes: the lab's file, and one with each form that
Compose has. What Compose makes of base and override together has the rendered instances and none of those that the
base file names.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from verdict import SKIPPED, Failed, Skip, expect  # noqa: E402

BIN = pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()
FORMS = ("devices", "cdi", "nvidia")
# The lab's exercise 4.2: two services, their UUIDs left open.
LAB = """version: '3'
services:
""" + "".join(f"""  training-job-{i}:
    image: mig-training
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ['MIG-<UUID-{i}>']
              capabilities: [gpu]
    environment:
      - JOB_ID={i}
""" for i in (0, 1))
EACH_FORM = """
x-common: &common
  image: train
  environment: {JOB: "1"}
services:
  short:
    <<: *common
    x-migctl: {profile: 1g.5gb}
    devices: ["nvidia.com/gpu=MIG-stale", "/dev/fuse:/dev/fuse"]
  gpus:
    <<: *common
    x-migctl: {slot: train-a}
    gpus: [{driver: nvidia, device_ids: ["MIG-stale"]}]
  reserved:
    <<: *common
    x-migctl: {profile: 1g.5gb}
    deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: ["nvidia.com/gpu=MIG-stale"], capabilities: []}]}}}
  legacy:
    image: train
    x-migctl: {memory: 1GiB}
    runtime: nvidia
    environment: ["NVIDIA_VISIBLE_DEVICES=MIG-stale", "JOB=2"]
  map:
    image: train
    x-migctl: {}
    environment: {CUDA_VISIBLE_DEVICES: MIG-stale, JOB: "3"}
  none: {image: web}
"""


def find_compose():
    """A Compose that knows !override and !reset."""
    ours = ROOT / "build/third_party/engines/docker-compose"
    for command in ([str(ours)], ["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder, "c.yaml")
                file.write_text("services: {a: {image: x, devices: !override [/dev/null]}}\n")
                done = subprocess.run([*command, "-f", str(file), "config"], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode == 0:
                return command
    raise Skip("no Docker Compose 2.24.4 or later here (tests/conformance/get_clients.py builds one)")


class Lab:
    def __init__(self, folder, compose):
        self.folder = pathlib.Path(folder)
        self.compose = compose
        self.env = dict(os.environ, MIGSIM_ROOT=f"{folder}/machines", NO_COLOR="1", HOME=folder)
        self.env.pop("MIGSIM_MACHINE", None)

    def run(self, *words, code=0):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, env=self.env,
                              cwd=self.folder, check=False)
        if code is not None and done.returncode != code:
            raise Failed(f"{' '.join(map(str, words))}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def migctl(self, *words, code=0):
        return self.run(BIN / "migctl", "--sim", "lab", *words, code=code)

    def config(self, *files):
        names = [word for file in files for word in ("-f", file)]
        return json.loads(self.run(*self.compose, *names, "config", "--format", "json"))["services"]


def given(service):
    """What a container of the service is given, by Compose's own reading: names of instances."""
    names = [one["source"] for one in service.get("devices", []) if "=" in one["source"]]
    requests = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    for request in [*requests, *service.get("gpus", [])]:
        names += request.get("device_ids", [])
    return names


def one_file(lab, name, text, wants, services):
    (lab.folder / name).write_text(text)
    for form in FORMS:
        override = f"{form}-{name}"
        document = json.loads(lab.migctl("compose", "render", name, *wants, "--form", form, "-o", override, "--json"))
        wanted = {}
        for one in document["services"]:
            wanted.setdefault(one["service"], []).append(one["name"])
        expect(set(wanted) == services, f"{form}: {sorted(wanted)}")
        config = lab.config(name, override)
        expect("MIG-stale" not in json.dumps({k: v for k, v in config.items()}), f"{form}: {json.dumps(config, indent=1)}")
        for service, value in config.items():
            expect(given(value) == wanted.get(service, []), f"{form}: {service} is given {given(value)}, not {wanted.get(service)}")
        lab.migctl("compose", "check", name, override)
        print(f"{name}, --form {form}: Compose gives {len(wanted)} services what was rendered")
    return lab.config(name, f"devices-{name}")


def main():
    compose = find_compose()
    if os.geteuid() != 0:
        raise Skip("migctl cdi generate needs root")
    with tempfile.TemporaryDirectory(prefix="mig-compose-") as folder:
        lab = Lab(folder, compose)
        lab.run(BIN / "migctl", "sim", "create", "lab", "--gpus", "1x a100-sxm4-40gb")
        lab.migctl("mode", "enable", "-i", "0")
        lab.migctl("create", "-i", "0", "1g.5gb:0", "1g.5gb:1", "1g.5gb:2", "1g.5gb:3", "2g.10gb:4")
        lab.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "1g.5gb", "--placement", "1:1")
        lab.migctl("cdi", "generate")
        one_file(lab, "lab.yml", LAB, ("--want", "any"), {"training-job-0", "training-job-1"})
        config = one_file(lab, "forms.yaml", EACH_FORM, (), {"short", "gpus", "reserved", "legacy", "map"})
        expect([one["source"] for one in config["short"]["devices"]][0] == "/dev/fuse", "another device was dropped")
        expect(config["map"]["environment"] == {"JOB": "3"}, config["map"]["environment"])
        expect("runtime" not in config["legacy"], "NVIDIA's runtime is there still")
        for form in FORMS:
            lab.migctl("compose", "render", "--image", "train", "--form", form, "-o", f"whole-{form}.yaml")
            whole = lab.config(f"whole-{form}.yaml")
            expect(len(whole) == 5 and all(len(given(one)) == 1 for one in whole.values()), json.dumps(whole))
            lab.migctl("compose", "check", f"whole-{form}.yaml")
        # What `check` says that Compose refuses or splits is refused and split.
        for device, rule in (({"device_ids": ["0"], "driver": "nvidia"}, "no-capabilities"),
                             ({"device_ids": [0], "capabilities": ["gpu"]}, "bare-number")):
            (lab.folder / "bad.json").write_text(json.dumps(
                {"services": {"a": {"image": "x", "deploy": {"resources": {"reservations": {"devices": [device]}}}}}}))
            lab.run(*compose, "-f", "bad.json", "config", code=1)
            expect(f'"rule": "{rule}"' in lab.migctl("compose", "check", "bad.json", "--json", code=22), rule)
        (lab.folder / "bad.json").write_text('{"services": {"a": {"image": "x", "devices": ["nvidia.com/gpu=0:1"]}}}')
        expect(given(lab.config("bad.json")["a"]) == ["nvidia.com/gpu=0"], "Compose splits the short form no longer")
        expect('"rule": "colon"' in lab.migctl("compose", "check", "bad.json", "--json", code=22), "colon")
        lab.run(BIN / "migctl", "sim", "destroy", "lab", "--force")


if __name__ == "__main__":
    try:
        main()
    except Skip as why:
        print(f"SKIPPED: compose_config_test: {why}")
        sys.exit(SKIPPED)
    except Failed as why:
        print(f"FAILED: {why}")
        sys.exit(1)
