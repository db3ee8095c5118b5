#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules, configuration, pages of metrics and dashboards of integrations/grafana, by Prometheus' and Alertmanager's own
tools, and that nothing of them lacks its test or its page.

    rules_test.py       exit code 77: promtool cannot be had
"""

import json
import pathlib
import re
import subprocess
import sys
import unittest

import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GRAFANA = ROOT / "integrations" / "grafana"
PAGES = ROOT / "src" / "expose" / "testdata"


def tool(name, *arguments, text=None):
    done = subprocess.run([str(servers.PROGRAMS / name), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def alerts():
    return re.findall(r"^ +- alert: (\w+)$", (GRAFANA / "rules" / "alerts.yaml").read_text(), re.M)


class Rules(unittest.TestCase):
    def test_configuration_and_rules_are_clean(self):
        for name, *arguments in (("promtool", "check", "rules", *sorted((GRAFANA / "rules").glob("*.yaml"))),
                                 ("promtool", "check", "config", GRAFANA / "prometheus.yaml"),
                                 ("amtool", "check-config", GRAFANA / "alertmanager.yaml")):
            code, said = tool(name, *arguments)
            self.assertEqual(code, 0, said)

    def test_every_alert_fires_on_its_cause_and_is_quiet_beside_it(self):
        code, said = tool("promtool", "test", "rules", *sorted((GRAFANA / "tests").glob("*.yaml")))
        self.assertEqual(code, 0, said)
        tests = (GRAFANA / "tests" / "alerts.test.yaml").read_text()
        for alert in alerts():
            self.assertIn(f"- name: {alert} fires", tests)
            self.assertIn(f"- name: {alert} is quiet", tests)

    def test_every_alert_has_its_page_and_no_page_is_left_over(self):
        self.assertGreaterEqual(len(alerts()), 18)
        self.assertEqual(sorted(alerts()), sorted(page.stem for page in (GRAFANA / "runbooks").glob("*.md")))
        rules, listed = (GRAFANA / "rules" / "alerts.yaml").read_text(), (GRAFANA / "README.md").read_text()
        for alert in alerts():
            page = (GRAFANA / "runbooks" / f"{alert}.md").read_text()
            self.assertTrue(page.startswith(f"# {alert}\n"), alert)
            self.assertEqual(re.findall(r"^## (.+)$", page, re.M), ["What it means", "Look", "Mend", "When it is no fault"], alert)
            self.assertIn(f"runbook: integrations/grafana/runbooks/{alert}.md", rules)
            self.assertIn(f"(runbooks/{alert}.md)", listed)

    def test_rules_and_dashboards_use_names_that_exist(self):
        """A family that no page has, or a recording rule that nobody records, is a typing error."""
        known = set(re.findall(r"^- `((?:mig|DCGM)_\w+)`", (ROOT / "docs" / "reference" / "metrics.md").read_text(), re.M))
        recording = (GRAFANA / "rules" / "recording.yaml").read_text()
        known |= set(re.findall(r"record: (\S+)", recording))
        texts = [recording, (GRAFANA / "rules" / "alerts.yaml").read_text()]
        for path in sorted((GRAFANA / "dashboards").glob("*.json")):
            texts += servers.expressions(json.loads(path.read_text()))
        used = {name for text in texts for name in re.findall(r"(?:\b(?:mig_|DCGM_)\w+|\bmig:[\w:]+)", re.sub(r"#.*", "", text))}
        self.assertGreater(len(used), 40)
        self.assertEqual(used - known, set())

    def test_dashboards_are_what_the_code_makes(self):
        done = subprocess.run([sys.executable, str(GRAFANA / "build.py"), "--check"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_pages_are_clean(self):
        for page in ("text.prom", "withdrawn.prom"):
            code, said = tool("promtool", "check", "metrics", text=(PAGES / page).read_text())
            self.assertEqual((code, said), (0, ""), page)

    def test_dcgms_names_are_objected_to_for_their_form_only(self):
        for page in ("text_legacy.prom", "text_4_9.prom"):
            code, said = tool("promtool", "check", "metrics", text=(PAGES / page).read_text())
            self.assertEqual(code, 3, said)  # read, and objected to
            for line in said.splitlines():
                self.assertRegex(line, r"^DCGM_\w+ (label names should be written in 'snake_case'|counter metrics should have)", page)


if __name__ == "__main__":
    servers.need()
    unittest.main()
