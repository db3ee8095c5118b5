# SPDX-License-Identifier: Apache-2.0
"""What `migctl podman run` and `migctl docker run` are tried with: the same cases for both engines."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import cases
import engine

sys.path.insert(0, str(engine.ROOT / "tests"))
import verdict  # noqa: E402

TRAIN = "mig-workload train --seconds 600"
# SIGTERM ends it at once: as the first process of its pid namespace it would ignore it without the trap.
POLITE = "trap 'exit 0' TERM; mig-workload train --seconds 600 & wait"


class Cases:
    """A mixin of unittest.TestCase. A subclass sets `box`, `env` (of migctl), `name` of the engine, and has `image()`, the words
    from the engine's options to the image, and `ask(*words)`, which runs the engine itself."""

    def setUp(self):
        self.daemon = None
        self.start_daemon()
        self.addCleanup(self.stop_daemon)

    def start_daemon(self):
        socket = pathlib.Path(self.box.machine) / "run/migd.sock"
        self.daemon = subprocess.Popen([str(engine.BIN / "migctl"), "--sim", "box", "serve"], env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        verdict.wait("migd answers", lambda: socket.exists() and self.quiet("lease", "list").returncode == 0)

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(timeout=60)

    def migctl_words(self, *words):
        return [str(engine.BIN / "migctl"), "--sim", "box", *words]

    def quiet(self, *words):
        return subprocess.run(self.migctl_words(*words), env=self.env, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, check=False)

    def wrapped(self, options, script, engine_options=("--rm",)):
        """The words of a container: options of ours, then those of the engine, then what it runs."""
        return self.migctl_words(self.name, "run", *options, "--", *engine_options, *self.image(), "/bin/sh", "-c", script)

    def run_it(self, *options, script="true", engine_options=("--rm",)):
        return subprocess.run(self.wrapped(options, script, engine_options), env=self.env, capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, check=False)

    @contextlib.contextmanager
    def running(self, *options, script=TRAIN, engine_options=("--rm",)):
        """A container that works on its instance while the body runs; migctl's process."""
        with subprocess.Popen(self.wrapped(options, script, engine_options), env=self.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
            try:
                verdict.wait("a process is on an instance", self.on_instances)
                yield process
            finally:
                for container in self.containers():
                    self.ask("rm", "-f", container)
                process.kill()
        verdict.wait(lambda: f"no lease is left: {self.leases()}", lambda: not self.leases())

    def leases(self):
        return json.loads(self.quiet("lease", "list", "--json").stdout)["leases"]

    def containers(self):
        """Ids of running containers that have a label of ours."""
        return self.ask("ps", "-q", "--filter", "label=migctl.lease").stdout.split()

    def on_instances(self):
        """Processes on instances, as the driver lists them."""
        found = []
        for gpu in json.loads(self.quiet("list", "--json").stdout)["gpus"]:
            found += [process for one in gpu["gpuInstances"] for process in one.get("processes", [])]
        return found

    def holders(self):
        return [one for one in json.loads(self.quiet("holders", "--json").stdout)["holders"] if one["kind"] == "process"]

    def gone(self):
        return not self.leases() and not self.containers() and not self.on_instances()

    def expect_gone(self):
        verdict.wait(lambda: f"lease, container and process are gone: {self.leases()} {self.containers()} {self.on_instances()}",
                     self.gone)

    def client_of(self, lease):
        """The engine's client, which migctl named to the daemon."""
        return lease["heir"]["pid"]

    # -- what a container gets

    def test_two_containers_have_their_own_nodes_and_no_others(self):
        look = "ls /dev/nvidia-caps; echo UUID $CUDA_VISIBLE_DEVICES"
        with self.running("--profile", "1g.18gb"):
            first = self.leases()[0]
            done = self.run_it("--profile", "1g.18gb", script=look)
            self.assertEqual(done.returncode, 0, done.stderr)
        second = done.stdout.split("UUID ")[1].strip()
        self.assertNotEqual(second, first["uuid"])
        done = self.run_it("--uuid", first["uuid"], script=look)
        self.assertIn(f"UUID {first['uuid']}", done.stdout)
        for uuid, out in ((first["uuid"], done.stdout),):
            own = sorted(f"nvidia-cap{minor}" for minor in self.minors(uuid))
            self.assertEqual(sorted(word for word in out.split() if word.startswith("nvidia-cap")), own)

    def minors(self, name):
        spec = json.loads(pathlib.Path(cases.KEPT).read_text())
        device = next(one for one in spec["devices"] if one["name"] == name)
        return [node["minor"] for node in device["containerEdits"]["deviceNodes"] if "nvidia-cap" in node["path"]]

    def test_a_process_in_the_container_is_listed_with_its_pid_and_the_containers_name(self):
        with self.running("--profile", "1g.18gb", "--name", "train-a"):
            process = self.on_instances()[0]
            self.assertIn("mig-workload", pathlib.Path(f"/proc/{process['pid']}/cmdline").read_text())
            holder = next(one for one in self.holders() if one["pid"] == process["pid"])
            self.assertEqual(len(holder["container"]), 64)
            self.assertEqual(holder["containerRuntime"], self.name)
            if self.knows_names:
                self.assertEqual(holder["containerName"], "train-a")
                self.assertIn(f"{self.name} train-a", self.quiet("holders").stdout)
            else:
                self.assertIn(f"{self.name} {holder['container'][:12]}", self.quiet("holders").stdout)
            self.assertIn("runs on", self.quiet("destroy", "-i", "0", "--gi", str(self.leases()[0]["gpuInstance"])).stderr)

    def test_labels_name_the_lease(self):
        with self.running("--profile", "1g.18gb"):
            lease = self.leases()[0]
            shown = self.ask("ps", "--no-trunc", "-q", "--filter", f"label=migctl.lease={lease['id']}").stdout.split()
            self.assertEqual(len(shown), 1)
            for key, value in (("tenant", lease["tenant"]), ("machine", "box"), ("instance", lease["uuid"])):
                self.assertEqual(self.ask("ps", "--no-trunc", "-q", "--filter", f"label=migctl.{key}={value}").stdout.split(),
                                 shown)

    # -- its end

    def test_normal_end_gives_back_and_passes_the_exit_code(self):
        done = self.run_it("--profile", "1g.18gb", script="echo $MIGCTL_PROFILE; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, "1g.18gb\n"), done.stderr)
        self.expect_gone()

    def test_killed_by_its_engine(self):
        with self.running("--profile", "1g.18gb", "--name", "to-kill") as process:
            self.ask("kill", "to-kill")
            self.assertEqual(process.wait(timeout=60), 137)
            self.expect_gone()

    def test_kill_9_of_migctl_and_of_the_client(self):
        with self.running("--profile", "1g.18gb") as process:
            lease = self.leases()[0]
            process.kill()
            process.wait()
            self.stays(lease)
            os.kill(self.client_of(lease), signal.SIGKILL)
            self.stays(lease)
            self.assertEqual(len(self.containers()), 1)
            self.ask("kill", self.containers()[0])
            self.expect_gone()

    def stays(self, lease):
        """The lease is there after the daemon has had time to look many times."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual([one["id"] for one in self.leases()], [lease["id"]])
            self.assertFalse(self.leases()[0]["ending"])
        self.assertTrue(self.on_instances())

    def test_kill_9_of_the_daemon(self):
        with self.running("--profile", "1g.18gb") as process:
            lease = self.leases()[0]
            self.daemon.kill()
            self.daemon.wait()
            process.kill()
            process.wait()
            os.kill(self.client_of(lease), signal.SIGKILL)
            self.start_daemon()
            self.stays(lease)
            self.ask("kill", self.containers()[0])
            self.expect_gone()

    def test_time_limit(self):
        began = time.monotonic()
        done = self.run_it("--profile", "1g.18gb", "--time", "3s", "--grace", "2s", script=TRAIN)
        self.assertEqual(done.returncode, 124, done.stderr)
        self.assertGreaterEqual(time.monotonic() - began, 3)
        self.expect_gone()

    def test_time_limit_without_migctl_is_the_daemons(self):
        with self.running("--profile", "1g.18gb", "--time", "6s", "--grace", "2s", script=POLITE) as process:
            lease = self.leases()[0]
            process.kill()
            process.wait()
            os.kill(self.client_of(lease), signal.SIGKILL)
            self.expect_gone()
            events = json.loads(self.quiet("history", "--leases", "--json").stdout)["events"]
            self.assertIn("expired", [event["action"] for event in events if event["lease"] == lease["id"]])

    def test_release_by_an_operator_ends_the_container(self):
        with self.running("--profile", "1g.18gb", "--grace", "2s"):
            self.quiet("lease", "release", str(self.leases()[0]["id"]))
            self.expect_gone()

    def test_stop(self):
        with self.running("--profile", "1g.18gb", "--name", "to-stop") as process:
            done = self.quiet("stop", "to-stop", "--grace", "2s")
            self.assertEqual(done.returncode, 0, done.stderr)
            process.wait(timeout=60)
            self.expect_gone()

    def test_a_container_that_comes_when_its_lease_is_over_is_ended(self):
        """As one that an engine was asked for before, or starts again by itself."""
        with self.running("--profile", "1g.18gb", engine_options=()) as process:
            container = self.containers()[0]
            process.terminate()
            process.wait(timeout=90)
            self.expect_gone()
            self.ask("start", container)
            verdict.wait("the container was ended", lambda: not self.containers() and not self.on_instances())

    def test_detached(self):
        done = self.run_it("--profile", "1g.18gb", "--name", "behind", "-d", script=f"echo begun; {TRAIN}")
        self.assertEqual(done.returncode, 0, done.stderr)
        number = done.stdout.strip()
        self.assertTrue(number.isdigit(), done.stdout)
        verdict.wait("a process is on an instance", self.on_instances)
        self.assertEqual(len(self.leases()), 1)
        self.assertEqual(self.ask("ps", "-q", "--filter", f"label=migctl.job={number}").stdout.split(), self.containers())
        verdict.wait("its output is kept", lambda: "begun" in self.quiet("logs", "behind").stdout)
        self.assertIn("running", self.quiet("jobs").stdout)
        self.assertEqual(self.quiet("stop", "behind", "--grace", "2s").returncode, 0)
        self.expect_gone()

    def test_without_a_daemon_root_has_the_lease_too(self):
        self.stop_daemon()
        try:
            done = self.run_it("--profile", "1g.18gb", script="exit 7")
            self.assertEqual(done.returncode, 7, done.stderr)
            done = self.run_it("--profile", "1g.18gb", "--time", "4s", "--grace", "2s", script=TRAIN)
            self.assertEqual(done.returncode, 124, done.stderr)
            self.expect_gone()
            events = json.loads(self.quiet("history", "--leases", "--json").stdout)["events"]
            self.assertEqual(events[0]["action"], "released")
        finally:
            self.start_daemon()

    def test_several_each_on_its_own(self):
        done = self.run_it("--profile", "1g.18gb", "--count", "2", script="echo $MIGCTL_RANK $CUDA_VISIBLE_DEVICES")
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = {line.split()[-2]: line.split()[-1] for line in done.stdout.splitlines()}
        self.assertEqual(len(set(shown.values())), 2, done.stdout)
        self.expect_gone()

    # -- refusals

    def refused(self, code, text, *words):
        done = self.quiet(self.name, *words)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertIn("hint:", done.stderr)
        self.assertFalse(self.leases())

    def test_words_that_would_go_past_the_lease(self):
        image = [*self.image(), "true"]
        for words in (["--device", "nvidia.com/gpu=all"], ["--device=/dev/nvidia0"], ["--gpus", "all"], ["--gpus=all"],
                      ["-e", "NVIDIA_VISIBLE_DEVICES=all"], ["-eNVIDIA_VISIBLE_DEVICES=all"], ["--privileged"],
                      ["--restart", "always"], ["-d"], ["-itd"], ["--cgroup-parent", "/x"], ["-v", "/a:/b", "--gpus", "1"]):
            self.refused(1, "cannot be given", "run", "--profile", "1g.18gb", "--", *words, *image)

    def test_bad_input(self):
        self.refused(1, "no image is given", "run", "--profile", "1g.18gb")
        self.refused(1, "is what goes through migctl", "ps")
        self.refused(1, "unknown option", "run", "--rm", "image")
        self.refused(5, "train-z", "run", "--slot", "train-z", "--", *self.image(), "true")
        self.refused(4, "7g.141gb", "run", "--profile", "7g.141gb", "--", *self.image(), "true")
        done = self.run_it("--profile", "1g.18gb", engine_options=("--no-such-option",))
        self.assertEqual(done.returncode, 125, done.stderr)
        self.expect_gone()

    def test_without_its_cdi_file_nothing_starts(self):
        kept = pathlib.Path(cases.KEPT)
        text = kept.read_text()
        self.addCleanup(kept.write_text, text)
        kept.unlink()
        self.refused(5, "no CDI file", "run", "--profile", "1g.18gb", "--", *self.image(), "true")
        spec = json.loads(text)
        for device in spec["devices"]:
            for node in device["containerEdits"]["deviceNodes"]:
                if "nvidia-cap" in node["path"]:
                    node["path"] = node["path"].replace("nvidia-cap", "nvidia-cap9")
        kept.write_text(json.dumps(spec))
        self.refused(11, "is not true any more", "run", "--profile", "1g.18gb", "--", *self.image(), "true")
        kept.write_text(text)
        other = kept.with_name("nvidia.json")
        other.write_text(text)
        self.addCleanup(other.unlink)
        self.refused(11, "both name", "run", "--profile", "1g.18gb", "--", *self.image(), "true")
