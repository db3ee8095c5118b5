#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl lab` as a whole: its report, judged by figures from outside, and how it ends.

    course_test.py BIN     BIN: folder of migctl and mig-workload

The figures are an A100-SXM4-40GB's (NVIDIA's MIG user guide and data sheet; sim/gpus/a100_sxm4_40gb.json names the captures): seven
1g.5gb of 14 SMs, 98 of 108 SMs in instances, 42 + 28 + 28 for the mix. The lab's text is the course's: each of its TODOs has to
have an answer. Exit code 77 = skipped.
"""
import base64
import html.parser
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import verdict  # noqa: E402  pylint: disable=wrong-import-position

BIN = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
PARTS = ["1.1", "1.2", "2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "5.1", "5.2", "6.1", "6.2", "deliverable2",
         "deliverable3", "deliverable4", "bonus1", "bonus2", "bonus3", "bonus4", "troubleshooting"]
# The lab's TODOs and questions, by a word of each, and where they are answered.
QUESTIONS = {"1.1": ["errors"], "1.2": ["How many", "memory per instance", "How many SMs"], "2.2": ["Document the configuration"],
             "2.3": ["Compare output"], "3.1": ["isolated", "affect", "utilization per instance"], "3.2": ["continues running"],
             "5.1": ["instance info", "per-instance metrics"], "5.2": ["exposed"], "bonus2": ["without downtime"],
             "bonus3": ["cost savings"]}


def environment(folder):
    """A world of its own for migctl."""
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": folder, "TMPDIR": folder, "NO_COLOR": "1",
            "MIGSIM_ROOT": f"{folder}/machines", "XDG_STATE_HOME": f"{folder}/state"}


def lab(folder, *words, timeout=900):
    """Runs `migctl lab WORDS` in the folder."""
    return subprocess.run([BIN / "migctl", "lab", *words], cwd=folder, env=environment(folder), capture_output=True, text=True,
                          timeout=timeout, check=False)


def texts(value):
    """All text of a JSON value, joined."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(texts(one) for one in value.values())
    if isinstance(value, list):
        return " ".join(texts(one) for one in value)
    return ""


def left_behind(folder):
    """What a lab should have removed."""
    return [str(path) for path in pathlib.Path(folder).glob("migctl-lab.*")]


def processes_of(folder):
    """Processes that were started in a lab's folder: their environment names it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{folder}/migctl-lab." in path.read_bytes().decode(errors="replace"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


class Page(html.parser.HTMLParser):
    """What a browser would fetch or run, and ids and links within the page."""

    def __init__(self):
        super().__init__()
        self.outside, self.ids, self.links = [], set(), set()

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            if name == "href" and (value or "").startswith("#"):
                self.links.add(value[1:])
            fetches = name == "src" or (name == "href" and tag == "link")
            if fetches and not (value or "").startswith("data:"):
                self.outside.append((tag, value))
        if tag == "script":
            self.outside.append((tag, ""))


def judge_report(report):
    """The JSON report against the board's figures and the lab's text."""
    by_number = {one["id"][3:]: one for one in report["sections"] if (one["id"] or "").startswith("ex-")}
    verdict.expect(report["simulated"] is True, "the report does not say that it is simulated")
    missing = [one for one in PARTS if one not in by_number]
    verdict.expect(not missing, f"parts are missing: {missing}")
    said = {number: texts(section) for number, section in by_number.items()}
    for number, words in QUESTIONS.items():
        for word in words:
            verdict.expect(word in said[number], f"{number}: no answer to ...{word}...")
    facts = {
        "1.1": ["Disabled, Enabled", "Enabled, Enabled", "Insufficient Permissions"],
        "1.2": ["7", "19.50 GiB", "28", "9.62"],
        "2.1": ["98 of the 98 SMs", "98 of 108 that the board has without MIG", "7 of 8 memory slices", "Insufficient Resources"],
        "2.2": ["42 SMs", "28 SMs", "19.50 GiB", "9.62 GiB"],
        "2.3": ["20.94 GB", "10.33 GB"],
        "3.2": ["37.3 GiB", "Out of memory is an error of one call"],
        "5.1": ["[N/A]"],
        "5.2": ["mig_instance_memory_used_bytes", "GPU_I_ID", "DCGM_FI_DEV_GPU_UTIL"],
        "6.2": ["Disabled MIG Mode"]}
    for number, words in facts.items():
        for word in words:
            verdict.expect(word in said[number], f"{number} does not say {word!r}")
    uuids = set(re.findall(r"MIG-[0-9a-f]{8}-[0-9a-f-]{27}", said["2.1"]))
    verdict.expect(len(uuids) == 7, f"2.1 has {len(uuids)} UUIDs, not 7")
    checks = re.findall(r'"passed": (true|false)', json.dumps(report))
    verdict.expect(len(checks) >= 30 and "false" not in checks, f"{checks.count('false')} of {len(checks)} checks do not hold")


def whole(folder):
    """The lab from end to end, three forms of its report, a second run over the first."""
    begin = time.monotonic()
    done = lab(folder, "--report", "lab.html", "--markdown", "lab.md", "--json")
    print(f"the lab took {time.monotonic() - begin:.0f} s")
    verdict.expect(done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    judge_report(report)
    page = pathlib.Path(folder, "lab.html").read_text(encoding="utf-8")
    parsed = Page()
    parsed.feed(page)
    verdict.expect(not parsed.outside, f"the page fetches or runs something: {parsed.outside[:3]}")
    verdict.expect(len(page) < 2_000_000, f"the page has {len(page)} bytes")
    verdict.expect(parsed.links <= parsed.ids, f"links lead nowhere: {sorted(parsed.links - parsed.ids)}")
    verdict.expect("SIMULATED" in page.upper(), "the page does not say that it is simulated")
    pictures = [block for section in report["sections"] for block in section["blocks"] if block["type"] == "picture"]
    if shutil.which("chromium"):
        verdict.expect(len(pictures) == 1, f"{len(pictures)} pictures of the daemon's page")
        png = base64.b64decode(pictures[0]["pngBase64"])
        verdict.expect(png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (1180, 950), "the picture is none")
    else:
        verdict.expect("no picture of the daemon" in page, "without a browser the report does not say so")
    markdown = pathlib.Path(folder, "lab.md").read_text(encoding="utf-8")
    verdict.expect("19.50" in markdown and "Fault isolation" in markdown, "the Markdown lacks what the lab found")
    verdict.expect(not left_behind(folder) and not processes_of(folder), f"left: {left_behind(folder)} {processes_of(folder)}")


def again(folder):
    """A report of ours is written again, a file of others is not."""
    done = lab(folder, "--only", "1.2", "--report", "lab.html")
    verdict.expect(done.returncode == 0, f"a second run over its own report ends with {done.returncode}: {done.stderr}")
    mine = pathlib.Path(folder, "mine.html")
    mine.write_text("<html>my own page</html>", encoding="utf-8")
    done = lab(folder, "--only", "1.2", "--report", "mine.html")
    verdict.expect(done.returncode == 11, f"a foreign file: exit code {done.returncode}")
    verdict.expect(mine.read_text(encoding="utf-8") == "<html>my own page</html>", "a foreign file was overwritten")
    verdict.expect(lab(folder, "--only", "9.9").returncode == 1, "an exercise that does not exist is no error")


def interrupted(folder):
    """SIGINT while trainings run: no machine, no process, no report stays."""
    with subprocess.Popen([BIN / "migctl", "lab", "--only", "3.2", "--report", "cut.html"], cwd=folder, env=environment(folder),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        verdict.wait("a training of the lab runs",
                     lambda: any("mig-workload" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                                 for pid in processes_of(folder) if pathlib.Path(f"/proc/{pid}/cmdline").exists()))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    verdict.expect(process.returncode == 130, f"exit code {process.returncode}: {errors}")
    verdict.wait("all processes of the lab are gone", lambda: not processes_of(folder))
    verdict.expect(not left_behind(folder), f"left: {left_behind(folder)}")
    verdict.expect(not pathlib.Path(folder, "cut.html").exists(), "an interrupted lab wrote a report")


def existing_machine(folder):
    """On a machine that exists: put back as it was; refused where somebody has instances there."""
    def run(*words):
        return subprocess.run([BIN / "migctl", *words], cwd=folder, env=environment(folder), capture_output=True, text=True,
                              timeout=300, check=False)
    run("sim", "create", "mine", "--gpus", "1x a100-sxm4-40gb", "--latency", "none")
    done = run("--sim", "mine", "lab", "--only", "1.1,2.1", "--report", "own.html")
    verdict.expect(done.returncode == 0, f"on a machine that exists: {done.returncode}: {done.stdout}{done.stderr}")
    gpu = json.loads(run("--sim", "mine", "list", "--json").stdout)["gpus"][0]
    verdict.expect(gpu["mig"]["current"] == "disabled" and not gpu["gpuInstances"], f"not put back: {gpu['mig']}")
    done = run("--sim", "mine", "lab", "--read-only", "--only", "1.1,2.1,2.3,4.2,6.2,bonus3", "--report", "own.html", "--markdown", "own.md")
    verdict.expect(done.returncode == 0, f"read-only without an instance: {done.returncode}: {done.stdout}{done.stderr}")
    text = (pathlib.Path(folder) / "own.md").read_text(encoding="utf-8")
    for words in ('"1g.5gb": 7', "there is no instance to give a service", "the mode stays as it is (--read-only)"):
        verdict.expect(words in text, f"the read-only report lacks {words!r}")
    gpu = json.loads(run("--sim", "mine", "list", "--json").stdout)["gpus"][0]
    verdict.expect(gpu["mig"]["current"] == "disabled" and not gpu["gpuInstances"], f"--read-only has changed it: {gpu['mig']}")
    run("--sim", "mine", "mode", "enable", "-i", "0")
    run("--sim", "mine", "create", "-i", "0", "2g.10gb")
    done = run("--sim", "mine", "lab", "--only", "2.1", "--report", "own.html")
    verdict.expect(done.returncode == 8, f"a GPU with an instance: exit code {done.returncode}")
    gpu = json.loads(run("--sim", "mine", "list", "--json").stdout)["gpus"][0]
    verdict.expect([one["profile"] for one in gpu["gpuInstances"]] == ["2g.10gb"], "the instance is gone")


def work():
    if BIN is None:
        print(__doc__)
        raise verdict.Skip("no folder of programs was given")
    if os.geteuid() != 0:
        raise verdict.Skip("a driver lets only root change instances")
    for test in (whole, again, interrupted, existing_machine):
        with tempfile.TemporaryDirectory(prefix="mig-lab-", dir="/tmp") as folder:
            if test is again:
                lab(folder, "--only", "1.2", "--report", "lab.html")
            test(folder)
            print(f"{test.__name__}: as it should be", flush=True)


if __name__ == "__main__":
    sys.exit(verdict.run(work))
