#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every layout that mig-parted v0.10.0 ships, taken from its module as fetched, on every simulated board: what the
board supports, mig-parted applies and migctl asserts; the rest neither applies.

Layouts that come to the same on a board (device filters select) are tried once. Of those that a board cannot do, most
of
them another board's, each board tries every sixth, and all boards together try all.
"""

import itertools
import json
import pathlib
import re
import subprocess
import tempfile
import unittest
import zlib

import harness

MODULE = harness.THIRD_PARTY / "go/pkg/mod/github.com/!n!v!i!d!i!a/mig-parted@v0.10.0"
FILES = ("examples/config.yaml", "examples/dgx-station-80gb-config.yaml", "deployments/systemd/config-default.yaml",
         "deployments/container/nvidia-mig-manager-example.yaml",
         "deployments/container/nvidia-mig-manager-example-hopper.yaml")
BOARDS = sorted(path.stem.replace("_", "-") for path in (harness.ROOT / "sim" / "gpus").glob("*.json"))
SHARE = 6  # of the layouts that a board does not support, it tries one in so many


def text_of(file):
    """The layouts in a file; of a Kubernetes manifest, those in its ConfigMap."""
    lines = (MODULE / file).read_text().splitlines()
    heads = [i for i, line in enumerate(lines) if line.strip() == "config.yaml: |"]
    if not heads:
        return "\n".join(lines) + "\n"
    inside = []
    for line in lines[heads[0] + 1:]:
        if line.strip() and not line.startswith("    "):
            break
        inside.append(line[4:])
    return "\n".join(inside) + "\n"


def layouts(text):
    """{label: entries {filter, devices, enabled, profiles}}, of the simple style in which NVIDIA writes these files."""
    found, entry = {}, None
    for line in text.splitlines():
        line = re.sub(r"\s*#.*", "", line)
        if match := re.fullmatch(r"  ([\w.+-]+):", line):
            entries = found.setdefault(match[1], [])
        elif match := re.fullmatch(r"    (- |  )([\w-]+): ?(.*)", line):
            if match[1] == "- ":
                entry = {}
                entries.append(entry)
            value = match[3]
            entry[match[2]] = json.loads(value) if value[:1] in ("[", '"', "{") else value
        elif match := re.fullmatch(r'        "([^"]+)": (\d+)', line):
            entry["mig-devices"] = {**(entry["mig-devices"] or {}), match[1]: int(match[2])}
        elif line.strip() and not re.match(r"version:|mig-configs:", line):
            raise AssertionError(f"a line that this test does not understand: {line!r}")
    return found


class Case:
    """The part of a layout that concerns one board."""

    def __init__(self, key, file, label, entries):
        board = harness.board(key)
        device = board["identity"]["pci_device_id"].lower()
        self.file, self.label = file, label
        self.mine = [e for e in entries if device in [f.lower() for f in (
            [e["device-filter"]] if isinstance(e.get("device-filter"), str) else e.get("device-filter", [device]))]]
        self.most = {p["name"].removeprefix("MIG "): p["max_count"] for p in board["mig"]["profiles"]}
        self.two = harness.with_two_full_profiles(key)
        self.wants = [e["mig-devices"] or {} for e in self.mine if e["mig-enabled"] == "true"]

    def key(self):
        return json.dumps(self.mine, sort_keys=True)

    def impossible(self):
        return any(count > self.most.get(name, 0) for wanted in self.wants for name, count in wanted.items())

    def near(self):
        """Names of other drivers for profiles of this board: migctl accepts them with a note
        (docs/reference/config.md)."""
        def parts(name):
            return re.fullmatch(r"(\d+g)\.(\d+)gb(.*)", name).groups()

        def same(name, known):
            (slices, size, more), (other, theirs, rest) = parts(name), parts(known)
            return (slices, more) == (other, rest) and abs(int(size) - int(theirs)) <= 0.05 * int(theirs)
        return all(sum(count <= most and same(name, known) for known, most in self.most.items()) == 1
                   for wanted in self.wants for name, count in wanted.items())

    def smaller(self):
        """Of the two compute profiles of a double-memory 1g mig-parted takes the one with fewer SMs (README.md)."""
        return any(name in self.two for wanted in self.wants for name in wanted)

    def gpus(self):
        """Number of GPUs that the machine needs: all that the layout names by index."""
        return 1 + max((n for e in self.mine if isinstance(e["devices"], list) for n in e["devices"]), default=0)


def cases(key):
    """Distinct cases of the board."""
    seen = {}
    for file in FILES:
        for label, entries in layouts(text_of(file)).items():
            case = Case(key, file, label, entries)
            share = zlib.crc32(case.key().encode()) % SHARE == BOARDS.index(key) % SHARE
            if case.mine and (share or not case.impossible()):
                seen.setdefault(case.key(), case)
    return list(seen.values())


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for file in FILES:
            cls.path(file).write_text(text_of(file))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, file):
        return pathlib.Path(cls.folder.name) / file.replace("/", "_").replace("manager-example", "manager")

    @staticmethod
    def run_on(*command):
        done = subprocess.run([str(harness.binaries() / "migctl"), *map(str, command)], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, env=harness.as_client("mig-parted"))
        return done.returncode, done.stdout + done.stderr

    def theirs(self, verb, case):
        return self.run_on("sim", "shell", "node", "--", harness.THIRD_PARTY / "bin" / "nvidia-mig-parted", verb, "-f",
                           self.path(case.file), "-c", case.label)

    def ours(self, verb, case):
        done = subprocess.run([str(harness.binaries() / "migctl"), "--sim", "node", verb, "-f", str(self.path(case.file)), "-c",
                               case.label], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=harness.without_trace())
        return done.returncode, done.stdout + done.stderr

    def check(self, case):
        code, text = self.theirs("apply", case)
        if case.impossible():
            # v0.10.0 reports success for a name that matches no GPU, so its exit code proves little.
            self.assertNotEqual(self.ours("assert", case)[0], 0, text)
            self.assertEqual(self.ours("apply", case)[0] == 0, case.near())
            return
        self.assertEqual(code, 0, text)
        if case.smaller():
            code, text = self.ours("assert", case)
            self.assertEqual(code, 10, f"the smaller one taken for the whole: {text}")
            self.assertEqual(self.ours("apply", case)[0], 0)
            self.assertEqual(self.theirs("assert", case)[0], 0)
        code, text = self.ours("assert", case)
        self.assertEqual(code, 0, text)

    def test_every_layout_on_every_board(self):
        tried = []
        for key in BOARDS:
            for count, chosen in itertools.groupby(sorted(cases(key), key=Case.gpus), key=Case.gpus):
                harness.migctl("sim", "create", "node", "--gpus", f"{count}x {key}", "--latency", "none", sim=False)
                try:
                    for case in chosen:
                        tried.append(case)
                        with self.subTest(board=key, file=case.file, label=case.label):
                            self.check(case)
                finally:
                    harness.migctl("sim", "destroy", "node", "--force", sim=False)
        self.assertGreater(sum(not case.impossible() for case in tried), 100)
        self.assertGreater(sum(case.impossible() for case in tried), 60)

    def test_a_generated_file_is_one_to_it(self):
        for key in ("a30-24gb", "a100-sxm4-80gb", "h100-nvl-94gb"):  # v0.10.0 does not parse the 1g.24gb-me of an RTX PRO 6000
            harness.migctl("sim", "create", "node", "--gpus", f"1x {key}", "--latency", "none", sim=False)
            try:
                code, text = self.run_on("--sim", "node", "--quiet", "generate-config")
                self.assertEqual(code, 0, text)
                self.path("generated.yaml").write_text(text)
                labels = re.findall(r"(?m)^  ([\w.+-]+):$", text)
                self.assertGreater(len(labels), 3)
                for label in labels:
                    with self.subTest(board=key, label=label):
                        case = Case(key, "generated.yaml", label, [])
                        code, said = self.theirs("apply", case)
                        self.assertEqual(code, 0, said)
                        code, said = self.ours("assert", case)
                        smaller = label in [f"all-{name}" for name in harness.with_two_full_profiles(key)]
                        self.assertEqual(code, 10 if smaller else 0, said)
            finally:
                harness.migctl("sim", "destroy", "node", "--force", sim=False)

    def test_every_line_of_the_files_is_understood(self):
        for file in FILES:
            with self.subTest(file=file):
                self.assertGreater(len(layouts(text_of(file))), 7)


if __name__ == "__main__":
    harness.need_root("a private mount namespace")
    harness.main("1x a30-24gb", client="mig-parted")
