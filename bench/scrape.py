#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a scrape of /metrics takes on a simulated node of 8 GPUs of 7 busy instances, with many scrapers at a time.

    scrape.py BIN [--seconds N] [--scrapers N] [--gpus N] [--json FILE]

Each scraper has a connection of its own that stays open, as Prometheus has, and asks again after --pause. Times are a client's,
from its request to the last byte. Forms: own names, with DCGM's, OpenMetrics, gzip.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "monitoring"))
import servers  # noqa: E402  pylint: disable=wrong-import-position

FORMS = {
    "text": ("/metrics", {}),
    "text with DCGM's names": ("/metrics?dcgm=legacy", {}),
    "OpenMetrics": ("/metrics", {"Accept": "application/openmetrics-text;version=1.0.0"}),
    "OpenMetrics, gzip": ("/metrics", {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}),
}


def scrape(port, form, until, pause, took, sizes):
    path, headers = FORMS[form]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while time.monotonic() < until:
        begun = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        took.append(time.perf_counter() - begun)
        sizes.add(len(body))
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]}")
        time.sleep(pause * random.uniform(0.5, 1.5))  # Prometheus spreads its scrapes too


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(port, form, scrapers, seconds, pause):
    took, sizes = [], set()
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=scrape, args=(port, form, until, pause, took, sizes)) for _ in range(scrapers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"scrapes": len(took), "p50_ms": round(percentile(took, 0.5) * 1000, 3), "p99_ms": round(percentile(took, 0.99) * 1000, 3),
            "most_ms": round(max(took) * 1000, 3), "bytes": max(sizes)}


def resident(pid):
    """MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--scrapers", type=int, default=10)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    migctl = options.bin.resolve() / "migctl"
    with tempfile.TemporaryDirectory(prefix="mig-scrape-") as folder:
        os.environ["MIGSIM_ROOT"] = f"{folder}/machines"

        def run(*arguments, text=""):
            subprocess.run([str(migctl), *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, input=text, text=True)

        run("sim", "create", "box", "--gpus", f"{options.gpus}x h200-141gb")
        run("--sim", "box", "mode", "enable")
        run("--sim", "box", "apply", "-f", "-", "-c", "x", text="version: v1\nmig-configs:\n  x:\n    - devices: all\n      mig-enabled: true\n"
                                                             "      mig-devices: {1g.18gb: 7}\n")
        results = {"gpus": options.gpus, "scrapers": options.scrapers, "forms": {}}
        try:
            for form in FORMS:  # a daemon for each: it keeps the forms ready that were asked for of late
                with servers.Migd(folder, migctl) as migd:
                    results["forms"][form] = measure(migd.port, form, options.scrapers, options.seconds, options.pause)
                    results["series"] = sum(1 for line in migd.page().splitlines() if not line.startswith("#"))
                    results["resident_mib"] = resident(migd.process.pid)
                    print(f"{form}: {results['forms'][form]}", flush=True)
            print(f"{results['series']} series, {results['resident_mib']} MiB resident")
        finally:
            run("sim", "destroy", "box", "--force")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
