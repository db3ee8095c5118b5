#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""go-nvlib, the library under NVIDIA's Go programs, on every board: the profile names that it derives from sizes
equal the board file's, its MIG devices those of `migctl list`."""

import json
import re
import subprocess
import unittest

import harness

BOARDS = sorted(path.stem.replace("_", "-") for path in (harness.ROOT / "sim" / "gpus").glob("*.json"))
# Architectures by compute capability, as NVIDIA names them.
FAMILIES = {"8.0": "Ampere", "9.0": "Hopper", "12.0": "Blackwell"}


def walk():
    done = subprocess.run([str(harness.THIRD_PARTY / "bin" / "nvlib")], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=harness.as_client("go-nvlib"))
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def whole(profiles):
    return {name for name in profiles if not re.match(r"\d+c\.", name)}


class Nvlib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # On each board: MIG off, then its largest profiles side by side, two compute instances in the first.
        cls.off = walk()
        for gpu, key in enumerate(BOARDS):
            names = [p["name"].removeprefix("MIG ") for p in harness.board(key)["mig"]["profiles"]]
            plain = [name for name in names if re.fullmatch(r"[1-3]g\.\d+gb(\+me)?", name)]
            harness.migctl("mode", "enable", "-i", str(gpu))
            for name in sorted(plain, key=lambda name: (-int(name[0]), name)):
                harness.migctl("create", "-i", str(gpu), name, code=None)  # as many as fit
        gi = next(i for i in harness.migctl_json("list")["gpus"][0]["gpuInstances"] if len(i["profile"]) and i["profile"][0] != "1")
        harness.migctl("destroy", "-i", "0", "--gi", str(gi["id"]), "--ci", "0")
        harness.migctl("smi", "mig", "-i", "0", "-gi", str(gi["id"]), "-cci", "0,0")
        cls.on, cls.list = walk(), harness.migctl_json("list")["gpus"]

    def test_the_gpus(self):
        for found, key, ours in zip(self.off, BOARDS, self.list, strict=True):
            with self.subTest(board=key):
                compute = harness.board(key)["identity"]["compute_capability"]
                version = compute if isinstance(compute, str) else ".".join(map(str, compute))
                self.assertEqual((found["compute"], found["family"]), (version, FAMILIES[version]))
                self.assertEqual(found["busId"].lower(), ours["pciBusId"].lower()[4:])
                self.assertEqual((found["capable"], found["enabled"], found["coherent"]), (True, False, False))
                self.assertEqual(found["migDevices"], [])

    def test_the_profiles_that_it_works_out(self):
        for found, key in zip(self.off, BOARDS, strict=True):
            with self.subTest(board=key):
                names = {p["name"].removeprefix("MIG ") for p in harness.board(key)["mig"]["profiles"]}
                self.assertEqual(whole(found["profiles"]), names)

    def test_the_mig_devices(self):
        for found, ours in zip(self.on, self.list, strict=True):
            with self.subTest(board=BOARDS[found["index"]]):
                self.assertTrue(found["enabled"])
                expected = sorted(({"index": c["index"], "uuid": c["uuid"], "profile": c["profile"], "parsed": True}
                                   for i in ours["gpuInstances"] for c in i["computeInstances"]), key=lambda m: m["index"])
                self.assertGreater(len(expected), 1)
                self.assertEqual(found["migDevices"], expected)
        self.assertTrue(any(re.match(r"1c\.", mig["profile"]) for mig in self.on[0]["migDevices"]))


if __name__ == "__main__":
    harness.main(", ".join(f"1x {key}" for key in BOARDS), "--latency", "none", client="go-nvml", root=True)
