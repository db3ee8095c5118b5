#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard in Chromium, on a simulated machine: what it shows is what the API says, by keyboard, for each role, and for nobody else.

Usage: dashboard_test.py BIN [--pictures FOLDER]           needs root (a tenants file for users), Chromium, and axe-core for a part
"""
import gzip
import json
import os
import pathlib
import socket
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "api"))
import browser  # noqa: E402  pylint: disable=wrong-import-position
import client  # noqa: E402  pylint: disable=wrong-import-position
import relay  # noqa: E402  pylint: disable=wrong-import-position
from browser import Failed, expect  # noqa: E402  pylint: disable=wrong-import-position

SKIPPED = 77
AXE = ROOT / "build" / "third_party" / "npm" / "axe-core" / "axe.min.js"
MOST_RSS_KIB = 32 * 1024
# Addresses of examples stand in parts, so that no tool takes them for addresses that the repository refers to.
EVIL = "https:" + "//evil.example"
TENANTS = """version: v1
others: none
preemption: {enabled: false}
tenants:
  ops: {users: [61001, 0], role: admin}
  team-a: {users: [61002], role: user}
  team-b: {users: [61003], role: user}
"""
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>'
LAYOUT = "version: v1\nmig-configs:\n  two:\n  - devices: [1]\n    mig-enabled: true\n    mig-devices: {2g.35gb: 2}\n"
# Everything that the keyboard must reach.
CONTROLS = """[...document.querySelectorAll('a[href], button, select, input, textarea, [tabindex="0"]')].filter((e) =>
  e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !e.closest('dialog:not([open])'))"""


def with_token(page, token):
    """The tab has it before the page is loaded."""
    page.call("Page.addScriptToEvaluateOnNewDocument", source=f"sessionStorage.setItem('migd-token', '{token}')")


def lease(daemon, token, profile, job, gpu="0"):
    body = {"need": {"profile": profile, "gpu": gpu}, "limitMs": 3600000, "job": job}
    status, grant = daemon.document("POST", "/v1/leases", json.dumps(body), token=token)
    expect(status == 200, f"a lease: {grant}")
    return grant["leases"][0]["id"]


def origin(daemon):
    return f"http:" f"//127.0.0.1:{daemon.urls[0][2]}"


def files_are_plain(daemon):
    """What a client without a browser gets: types, tags, compression, methods; nothing but the page without a token."""
    status, text, fields = daemon.ask("GET", "/")
    expect(status == 200 and text.startswith("<!DOCTYPE html>") and fields["Content-Type"] == "text/html; charset=utf-8", f"/: {status}")
    policy = fields["Content-Security-Policy"]
    expect(policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy, f"the policy: {policy}")
    expect(fields["X-Content-Type-Options"] == "nosniff" and fields["X-Frame-Options"] == "DENY", f"{fields}")
    for name in sorted(path.name for path in (ROOT / "web").iterdir() if path.name != "index.html"):
        status, body, fields = daemon.ask("GET", f"/web/{name}")
        expect(status == 200 and body == (ROOT / "web" / name).read_text(encoding="utf-8"), f"/web/{name}: {status}")
        again = daemon.ask("GET", f"/web/{name}", headers={"If-None-Match": f'"x", W/{fields["ETag"]}'})
        expect(again[0] == 304 and again[1] == "" and again[2]["ETag"] == fields["ETag"], f"/web/{name} again: {again}")
        head = daemon.ask("HEAD", f"/web/{name}")
        expect(head[0] == 200 and head[1] == "" and int(head[2]["Content-Length"]) == len(body.encode()), f"HEAD /web/{name}: {head}")
    with socket.create_connection(("127.0.0.1", int(daemon.urls[0][2]))) as plain:
        plain.sendall(b"HEAD /web/main.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = plain.makefile("rb").read()
    expect(answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1, f"HEAD has a body: {answer[-100:]}")
    connection = daemon.connection()
    connection.request("GET", "/web/main.js", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    packed = answer.read()
    expect(answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == (ROOT / "web" / "main.js").read_bytes(), "gzip")
    expect(daemon.ask("POST", "/")[0] == 405 and daemon.ask("GET", "/web/none")[0] == 401 and daemon.ask("GET", "/v1/sample")[0] == 401,
           "a method, a file that is none, data without a token")
    expect(daemon.ask("GET", "/", headers={"Host": "evil.example"})[0] == 403, "the page for another host")
    expect(daemon.ask("GET", "/", headers={"X-Forwarded-For": "10.0.0.1"})[0] == 200, "the page through a proxy")


def asks_for_a_token(driver, daemon, token):
    """Without one: the page and no data; typed in, it stays in this tab."""
    page = driver.page()
    page.open(origin(daemon) + "/")
    page.until("document.getElementById('token-dialog').open", "the page asks for a token")
    expect(page.run("document.querySelectorAll('.cell').length") == 0, "data without a token")
    page.until("document.activeElement.id === 'token-text'", "the token has the focus")
    page.type(token)
    page.key("Enter")
    page.until("document.querySelectorAll('.cell').length > 0", "instances are shown")
    expect(page.run("sessionStorage.getItem('migd-token')") == token and page.run("document.cookie") == "" and
           not page.run(f"Object.values(localStorage).includes('{token}')"), "where the token is kept")
    expect(not any(token in url for url in page.requests()), "the token is in an address")
    page.close()


CELLS = """[...document.querySelectorAll('#gpu-list .gpu')].map((gpu) => [...gpu.querySelectorAll('.cell')].map((cell) =>
  [Number(cell.dataset.gi), cell.style.gridColumn.replace(' / span ', ' '), cell.querySelector('.profile').textContent,
   cell.children[1].textContent]))"""


def cells_of(sample):
    """What the strips must show of a sample."""
    def who(instance):
        uses = [use for compute in instance["computeInstances"] for use in compute["uses"]]
        return f"{uses[0]['tenant']}: {uses[0]['job']}" if uses else "no lease"
    return [[[one["id"], f"{one['placement']['start'] + 1} {one['placement']['size']}", one["profile"], who(one)]
             for one in sorted(gpu["gpuInstances"], key=lambda one: one["placement"]["start"])] for gpu in sample["gpus"]]


def shows_what_the_api_says(page, daemon, token):
    page.until("document.getElementById('state').textContent.startsWith('live')", "events are read")
    page.until("document.querySelectorAll('#leases-table tbody tr').length === 2", "both leases")
    _, sample = daemon.document("GET", "/v1/sample", token=token)
    expect(page.run(CELLS) == cells_of(sample), f"strips: {page.run(CELLS)} and {cells_of(sample)}")
    expect(page.run("document.getElementById('simulated').checkVisibility()") and "SIMULATED" in page.run("document.title"), "no word that it is simulated")
    free = page.run("[...document.querySelectorAll('#gpu-list .gpu')].map((gpu) => gpu.querySelectorAll('.slot').length)")
    slots = [gpu["memorySlices"] - sum(one["placement"]["size"] for one in gpu["gpuInstances"]) for gpu in sample["gpus"]]
    expect(free == slots, f"free slots: {free} and {slots}")
    _, leases = daemon.document("GET", "/v1/leases", token=token)
    shown = page.run("[...document.querySelectorAll('#leases-table tbody tr')].map((line) => [...line.cells].slice(0, 3).map((cell) => cell.textContent))")
    expect(shown == [[str(one["id"]), one["tenant"], one["job"]] for one in leases["leases"]], f"leases: {shown}")
    chosen = page.run("document.getElementById('instance-pick').value").split(" ")
    _, rows = daemon.document("GET", f"/v1/history?period=tick&limit=20000&gpu={chosen[0]}", token=token)
    least = sum(row["generation"] == chosen[1] for row in rows["rows"])
    page.until(f"Number(document.querySelector('svg.chart').dataset.points) >= {least} && {least} > 0", f"{least} points in the charts")
    expect(page.run("document.querySelectorAll('#charts path.s0[d^=M]').length") == 3, "a line in each chart")
    expect("unknown" not in page.run("document.querySelector('#charts figcaption').textContent"), "activity of an H200 is known")


def names_are_inert(page):
    expect(page.run(f"document.querySelector('#leases-table tbody').textContent.includes({json.dumps(HOSTILE)})"), "the name as it is")
    expect(page.run("document.querySelectorAll('main img, main script').length") == 0 and page.run("window.pwned") is None, "a name became markup")


def policy_is_in_force(page):
    page.run("""new Promise((done) => {
      window.refused = [];
      addEventListener('securitypolicyviolation', (event) => window.refused.push(event.effectiveDirective));
      try { const s = document.createElement('script'); s.append('window.pwned = 3'); document.body.append(s); } catch {}
      try { document.body.innerHTML += '<p>'; } catch {}
      try { document.body.setAttribute('onclick', 'window.pwned = 4'); document.body.click(); } catch {}
      const picture = new Image(); picture.src = '""" + EVIL + """/x.png';
      fetch('""" + EVIL + """/').catch(() => {}).then(() => setTimeout(done, 200)); })""")
    refused = page.run("window.refused")
    expect(page.run("window.pwned") is None, "an injected script ran")
    for directive in ("img-src", "connect-src"):
        expect(directive in refused, f"{directive} is not in force: {refused}")
    expect("script-src-elem" in refused or "require-trusted-types-for" in refused, f"scripts: {refused}")


def vanishes_with_the_layout(page, daemon, token):
    """Once the API does not tell it any more, the page has it for two samples at most."""
    _, sample = daemon.document("GET", "/v1/sample", token=token)
    gone = sample["gpus"][1]["gpuInstances"][0]
    there = f"!!document.querySelectorAll('#gpu-list .gpu')[1].querySelector('.cell[data-gi=\"{gone['id']}\"]')"
    page.until(there, "the instance is shown")
    daemon.on_box("destroy", "-i", "1", "--gi", str(gone["id"]))

    def told():
        _, now = daemon.document("GET", "/v1/sample", token=token)
        return now if all(one["id"] != gone["id"] for one in now["gpus"][1]["gpuInstances"]) else None
    client.wait("the API tells it no more", told)
    page.run("0")  # what the browser told meanwhile is taken
    before = sum(url.endswith("/v1/sample") for url in page.requests())
    page.until(f"!({there})", "the instance vanishes from the page")
    samples = sum(url.endswith("/v1/sample") for url in page.requests()) - before
    expect(samples <= 2, f"it was shown for {samples} samples more")
    lanes = page.run("[...document.querySelectorAll('#timeline-list .lanes')[1].children].map((one) => one.textContent)")
    expect(f"gi {gone['id']}" in lanes and any(gone["profile"] in text for text in lanes), f"the timeline keeps what was: {lanes}")
    page.until("document.querySelector('#events-table tbody')?.textContent.includes('layout')", "the event is listed")


def reaches_all_by_keyboard(page):
    """Tab goes through every control that is seen, in the order of the page, and comes around."""
    page.run(f"{CONTROLS}.forEach((e, i) => {{ e.dataset.control = i; }}); document.activeElement.blur(); scrollTo(0, 0)")
    wanted = set(page.run(f"{CONTROLS}.map((e) => e.dataset.control)"))
    reached = set()
    for _ in range(len(wanted) + 15):
        page.key("Tab")
        found = page.run("document.activeElement?.dataset?.control ?? null")
        if found is not None:
            reached.add(found)
            outline = page.run("document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle")
            expect(outline not in (False, "none"), f"the focus is not seen on {page.run('document.activeElement.outerHTML.slice(0, 120)')}")
    missed = [page.run(f"document.querySelector('[data-control=\"{one}\"]')?.outerHTML.slice(0, 120) ?? 'gone'") for one in sorted(wanted - reached)]
    expect(not [one for one in missed if one != "gone"], f"not reached by Tab: {missed}")
    return len(wanted)


def nothing_is_covered(page, what):
    """Every control can be clicked: in its middle, scrolled into sight, is nothing else."""
    covered = page.run(f"""{CONTROLS}.filter((e) => {{
      if (e.matches('.skip, .scroll')) return false;
      e.scrollIntoView({{ block: 'center', inline: 'center', behavior: 'instant' }});
      const box = e.getBoundingClientRect();
      const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return !(there && (e.contains(there) || there.contains(e) && there.closest('label')));
    }}).map((e) => e.outerHTML.slice(0, 120))""")
    expect(not covered, f"covered by something else, {what}: {covered}")


def chooses_by_keyboard(page):
    page.run("document.querySelectorAll('#gpu-list .cell')[1].focus()")
    page.key("Enter")
    page.until("document.querySelectorAll('#gpu-list .cell')[1].getAttribute('aria-pressed') === 'true'", "Enter chooses an instance")
    expect(page.run("document.activeElement === document.querySelectorAll('#gpu-list .cell')[1]"), "the focus moved")
    page.run("document.querySelector('svg.chart').focus()")
    page.until("document.querySelector('svg.chart').getAttribute('aria-label').includes('the latest')", "the chart tells its latest values")
    page.key("ArrowLeft")
    expect("the latest" not in page.run("document.querySelector('svg.chart').getAttribute('aria-label')"), "the cursor does not move")
    page.key("Escape")
    page.run("document.getElementById('theme-button').focus()")
    for theme in ("light", "dark", "system"):
        page.key("Enter")
        expect(page.run("document.documentElement.dataset.theme ?? 'system'") == theme, f"theme {theme}")


def releases_after_a_question(page, daemon, token, number):
    button = f"[...document.querySelectorAll('#leases-table tbody tr')].find((l) => l.cells[0].textContent === '{number}').querySelector('button')"

    def there():
        return number in [one["id"] for one in daemon.document("GET", "/v1/leases", token=token)[1]["leases"]]
    page.run(f"{button}.focus()")
    page.key("Enter")
    page.until("document.getElementById('confirm').open", "the question")
    expect(page.run("document.activeElement.id") == "confirm-no", "the harmless answer has the focus")
    expect(HOSTILE in page.run("document.getElementById('confirm-body').textContent"), "the question tells of what")
    page.key("Escape")
    page.until("!document.getElementById('confirm').open", "Esc is no")
    said = "Number(document.getElementById('at').textContent.slice(-2))"
    page.until(f"{said} !== {page.run(said)}", "a tick later")
    sent = [event["request"]["method"] for event in page.seen("Network.requestWillBeSent")]
    expect(there() and "DELETE" not in sent, "released without a yes")
    page.run(f"{button}.focus()")
    page.key("Enter")
    page.until("document.getElementById('confirm').open", "the question again")
    page.key("Tab")
    expect(page.run("document.activeElement.id") == "confirm-yes", "Tab goes to yes")
    page.key("Enter")
    client.wait("the lease is released", lambda: not there())
    page.until(f"document.querySelectorAll('#leases-table tbody tr').length === 1", "the page tells so")


def plans_and_applies(page, daemon, token):
    page.run("document.getElementById('plan-text').focus()")
    page.type(LAYOUT)
    page.run("document.getElementById('plan-now').focus()")
    page.key("Enter")
    page.until("!document.getElementById('plan-apply').hidden", "a plan that can be applied")
    _, plan = daemon.document("POST", "/v1/plan", json.dumps({"layout": LAYOUT}), token=token)
    shown = page.run("[...document.querySelectorAll('#plan-result li')].map((line) => line.textContent)")
    expect(shown == [step["text"] for step in plan["steps"]] and len(shown) > 0, f"steps: {shown}")
    strips = page.run("""[...document.querySelectorAll('#plan-result .strip, #plan-result .off')].map((strip) =>
      [...strip.querySelectorAll('.profile')].map((one) => one.textContent))""")
    expect(strips == [[cell["profile"] for cell in gpu[when]["instances"]] for gpu in plan["gpus"] for when in ("before", "after")], f"strips: {strips}")
    body = {"layout": LAYOUT, "generation": plan["generation"], "steps": ["destroy everything"]}
    status, refusal = daemon.document("POST", "/v1/apply", json.dumps(body), token=token)
    expect(status == 409 and refusal["code"] == "conflict", f"another plan than the one that was shown: {status} {refusal}")
    page.run("document.getElementById('plan-apply').focus()")
    page.key("Enter")
    page.until("document.getElementById('confirm').open", "the question")
    page.key("Tab")
    page.key("Enter")
    page.until("document.getElementById('plan-result').textContent.includes('applied')", "the layout is changed")
    profiles = [one["profile"] for one in daemon.document("GET", "/v1/inventory", token=token)[1]["gpus"][1]["gpuInstances"]]
    expect(profiles == ["2g.35gb", "2g.35gb"], f"the machine: {profiles}")
    page.until("document.querySelectorAll('#gpu-list .gpu')[1].querySelectorAll('.cell').length === 2", "the strips tell so")
    history = daemon.on_box("history").stdout
    expect("POST /v1/apply by" in history, f"history tells who: {history}")
    status, refusal = daemon.document("POST", "/v1/apply", json.dumps({**body, "steps": [step["text"] for step in plan["steps"]]}), token=token)
    expect(status == 409, f"the same plan twice: {status} {refusal}")


def blocked_plans_say_by_whom(page):
    page.run("document.getElementById('plan-text').value = ''; document.getElementById('plan-text').focus()")
    page.type(LAYOUT.replace("[1]", "[0]").replace("2g.35gb: 2", "7g.141gb: 1"))
    page.run("document.getElementById('plan-now').click()")
    page.until("!!document.querySelector('#plan-result .notice')", "the plan is refused or blocked")
    text = page.run("document.getElementById('plan-result').textContent")
    expect("lease" in text and page.run("document.getElementById('plan-apply').hidden"), f"who is in the way: {text}")


def is_accessible(page, what):
    if not AXE.exists():
        return None
    page.run("document.activeElement?.blur()")
    page.run(AXE.read_text(encoding="utf-8") + "; undefined")
    found = page.run("""axe.run(document, { resultTypes: ['violations'] }).then((result) => ({ rules: result.passes.length, violations:
      result.violations.map((one) => [one.id, one.help, one.nodes.slice(0, 4).map((node) => [node.html.slice(0, 160), node.failureSummary.slice(0, 300)])]) }))""")
    expect(found["violations"] == [], f"axe-core, {what}: {json.dumps(found['violations'], indent=1)}")
    return found["rules"]


def roles_see_what_they_may(driver, daemon, tokens):
    for name, buttons, planning in (("looks", 0, False), ("team-b", 1, False)):
        page = driver.page()
        with_token(page, tokens[name])
        page.open(origin(daemon) + "/")
        page.until("document.getElementById('who').textContent !== ''", f"{name} is told who it is")
        page.until("document.querySelectorAll('.cell').length", "strips")
        page.until("document.querySelectorAll('#leases-table tbody tr').length === 1", f"{name} sees its tenant's lease")
        found = page.run("[...document.querySelectorAll('#leases-table button')].filter((b) => b.checkVisibility()).length")
        expect(found == buttons, f"{name}: {found} actions are offered")
        expect(page.run("document.getElementById('plan-now').disabled") != planning, f"{name} may plan")
        expect((HOSTILE in page.run("document.body.textContent")) == (name == "looks"), f"{name} sees another tenant's job, or not its own")
        expect(page.troubles() == [], f"{name}: {page.troubles()}")
        page.close()
    asked = {"layout": LAYOUT}
    status, _ = daemon.document("POST", "/v1/plan", json.dumps(asked), token=tokens["team-b"])
    expect(status == 403, f"a user plans: {status}")
    status, plan = daemon.document("POST", "/v1/plan", json.dumps(asked), token=tokens["operates"])
    expect(status == 200 and plan["steps"], f"an operator may plan: {status} {plan}")
    asked |= {"generation": plan["generation"], "steps": [step["text"] for step in plan["steps"]]}
    status, _ = daemon.document("POST", "/v1/apply", json.dumps(asked), token=tokens["operates"])
    expect(status == 403, f"an operator changes the layout: {status}")


def works_elsewhere(driver, daemon, token):
    """Below a path of a proxy; and through `ssh -L port:socket`, where a browser speaks to the UNIX socket."""
    with relay.Relay(("127.0.0.1", int(daemon.urls[0][2])), "/gpu/node-7") as proxy:
        page = driver.page()
        with_token(page, token)
        page.open(f"http:" f"//127.0.0.1:{proxy.port}/gpu/node-7/")
        page.until("document.querySelectorAll('.cell').length && document.getElementById('state').textContent.startsWith('live')", "below a path")
        outside = [url for url in page.requests() if not url.startswith(f"http:" f"//127.0.0.1:{proxy.port}/gpu/node-7/")]
        expect(not outside and not page.troubles(), f"outside of the path: {outside} {page.troubles()}")
        page.close()
    with relay.Relay(str(daemon.socket), "") as tunnel:
        page = driver.page()
        page.open(f"http:" f"//localhost:{tunnel.port}/")
        page.until("document.querySelectorAll('.cell').length && document.getElementById('state').textContent.startsWith('live')", "through the socket")
        page.until("document.getElementById('who').textContent.endsWith('admin')", "root is root there")
        expect(not page.troubles(), f"{page.troubles()}")
        page.close()
    for headers, what in (({"Origin": EVIL}, "another site's page"), ({"Host": "evil.example"}, "another name of this machine"),
                          ({"Sec-Fetch-Site": "cross-site"}, "another site")):
        for method, path in (("GET", "/v1/leases"), ("DELETE", "/v1/leases/1")):
            expect(daemon.ask(method, path, which="unix", headers=headers)[0] == 403, f"the UNIX socket, for {what}")


def unknown_is_no_zero(driver, binaries, folder):
    """An A100, whose driver tells no activity, with the sampler and without: what is not told is said to be unknown."""
    pathlib.Path(folder, "a100").mkdir()
    daemon = client.Daemon(binaries, pathlib.Path(folder, "a100"), "--listen", "127.0.0.1:0", "--sample", "1s")
    daemon.on_box("mode", "enable")
    daemon.on_box("create", "1g.5gb", "3g.20gb")
    for sampling in ("1s", "off"):
        daemon.arguments = (*daemon.arguments[:-1], sampling)
        daemon.start()
        try:
            with relay.Relay(str(daemon.socket), "") as tunnel:
                page = driver.page()
                page.open(f"http:" f"//localhost:{tunnel.port}/")
                page.until("document.querySelectorAll('.cell').length === 2", f"both instances, --sample {sampling}")
                shown = page.run("[...document.querySelectorAll('.cell')].map((cell) => cell.children[2].textContent)")
                expect(shown == ["SM unknown"] * 2, f"--sample {sampling}: {shown}")
                expect("SM unknown" in page.run("document.querySelector('#charts figcaption').textContent"), "a chart tells what is not known")
                facts = page.run("document.getElementById('instance-facts').textContent")
                expect("Activity is unknown: " in facts, f"why it is unknown: {facts}")
                notice = page.run("document.getElementById('notice').hidden ? '' : document.getElementById('notice').textContent")
                expect(("does not sample" in notice) == (sampling == "off"), f"--sample {sampling}: {notice}")
                page.close()
        finally:
            daemon.stop()


def shows_jobs(driver, daemon):
    """Root's, who comes by the socket: the record is read by a process with the rights of who asks."""
    daemon.environment["MIGCTL_SOCKET"] = str(daemon.socket)
    daemon.on_box("run", "--detach", "--name", "hello", "--profile", "1g.18gb", "--", "sh", "-c", f"echo first; echo '{HOSTILE}'")
    with relay.Relay(str(daemon.socket), "") as tunnel:
        page = driver.page()
        page.open(f"http:" f"//localhost:{tunnel.port}/")
        page.until("document.getElementById('who').textContent !== ''", "who it is")
        page.run("document.getElementById('jobs-all').focus()")
        page.key(" ")
        page.until("[...document.querySelectorAll('#jobs-table tbody tr')].some((line) => line.cells[1].textContent === 'hello')", "the job is listed")

        def ended():
            page.run("document.querySelector('#jobs-table tbody button').click()")
            return HOSTILE in page.run("document.getElementById('job-log-text').textContent")
        client.wait("the log is shown", ended)
        expect(page.run("window.pwned") is None and page.troubles() == [], f"{page.troubles()}")
        page.close()
    daemon.on_box("stop", "hello", fails=True)


def tell_pictures(driver, daemon, token, folder):
    lease(daemon, token, "2g.35gb", "batch", "1")
    lease(daemon, token, "2g.35gb", "eval-7", "1")
    daemon.on_box("run", "--detach", "--name", "train-a", "--profile", "3g.71gb", "--for", "1h", "--", "mig-workload", "hog", "tensor", "--seconds", "600")
    body = {"need": {"profile": "3g.71gb"}, "limitMs": 3600000, "job": "next", "waitMs": 600000, "key": "waits"}
    daemon.ask("POST", "/v1/leases", json.dumps(body), token=token)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        driver.pump(1)
    for name, width, height, dark, full in (("dashboard_light", 1280, 1350, False, False), ("dashboard_dark", 1280, 1350, True, False),
                                            ("dashboard_phone", 360, 1500, False, False)):
        page = driver.page(width, height, dark)
        with_token(page, token)
        page.open(origin(daemon) + "/")
        page.until("document.querySelectorAll('.cell').length && document.querySelectorAll('#leases-table tbody tr').length", "the page")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            driver.pump(0.2)
        page.picture(folder / f"{name}.png", full)
        page.close()


def rss_kib(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def main_part(driver, daemon, tokens):
    done = {}
    page = driver.page()
    with_token(page, tokens["ops"])
    page.open(origin(daemon) + "/")
    page.until("document.querySelectorAll('.cell').length", "strips")
    shows_what_the_api_says(page, daemon, tokens["ops"])
    names_are_inert(page)
    expect(page.troubles() == [], f"the console: {page.troubles()}")
    done["controls"] = reaches_all_by_keyboard(page)
    nothing_is_covered(page, "1280 px")
    chooses_by_keyboard(page)
    for dark in (False, True):
        page.look(1280, 900, dark)
        done[f"axe-core rules, {'dark' if dark else 'light'}"] = is_accessible(page, "dark" if dark else "light")
    page.look(1280, 900, False, True)
    expect(page.run("getComputedStyle(document.documentElement).scrollBehavior") == "auto", "motion is not reduced")
    page.run("scrollTo(0, 5000)")
    page.look(360, 740, False)
    at = page.run("(() => { const box = document.getElementById('simulated').getBoundingClientRect(); return [box.top, box.bottom]; })()")
    expect(page.run("scrollY") > 100 and 0 <= at[0] < at[1] <= 740, f"SIMULATED is out of sight: {at}")
    expect(page.run("document.documentElement.scrollWidth <= 360"), f"360 px: {page.run('document.documentElement.scrollWidth')}")
    nothing_is_covered(page, "360 px")
    page.look(1280, 900, False)
    vanishes_with_the_layout(page, daemon, tokens["ops"])
    plans_and_applies(page, daemon, tokens["ops"])
    blocked_plans_say_by_whom(page)
    expect(page.troubles() == [], f"the console: {page.troubles()}")
    outside = [url for url in page.requests() if not url.startswith(origin(daemon) + "/")]
    expect(not outside, f"requests to elsewhere: {outside}")
    releases_after_a_question(page, daemon, tokens["ops"], tokens["lease"])
    policy_is_in_force(page)
    page.close()
    return done


def main():
    words = sys.argv[1:]
    if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "--pictures"):
        print(__doc__, file=sys.stderr)
        return 2
    if not browser.program() or os.geteuid() != 0:
        print(f"SKIPPED: {'there is no chromium (scripts/bootstrap test installs it)' if os.geteuid() == 0 else 'needs root'}")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="mig-web-") as folder:
        pathlib.Path(folder, "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        daemon = client.Daemon(words[0], folder, "--tenants", str(pathlib.Path(folder, "tenants.yaml")), "--listen", "127.0.0.1:0", "--sample", "1s",
                               gpus="2x h200-141gb")
        daemon.on_box("mode", "enable")
        daemon.on_box("create", "-i", "0", "3g.71gb", "2g.35gb", "1g.18gb")
        daemon.on_box("create", "-i", "1", "3g.71gb", "1g.18gb")
        tokens = {name: daemon.token(name, user, "--role", role)
                  for name, user, role in (("ops", 61001, "admin"), ("team-a", 61002, "user"), ("team-b", 61003, "user"), ("looks", 61002, "viewer"),
                                          ("operates", 61001, "operator"))}
        daemon.start()
        driver = browser.Browser()
        try:
            tokens["lease"] = lease(daemon, tokens["team-a"], "3g.71gb", HOSTILE)
            lease(daemon, tokens["team-b"], "2g.35gb", "inference")
            files_are_plain(daemon)
            asks_for_a_token(driver, daemon, tokens["ops"])
            roles_see_what_they_may(driver, daemon, tokens)
            done = main_part(driver, daemon, tokens)
            works_elsewhere(driver, daemon, tokens["ops"])
            shows_jobs(driver, daemon)
            unknown_is_no_zero(driver, words[0], folder)
            if len(words) == 3:
                tell_pictures(driver, daemon, tokens["ops"], pathlib.Path(words[2]))
            done["RSS of the daemon, KiB"] = rss_kib(daemon)
        finally:
            driver.close()
            daemon.stop()
        program = pathlib.Path(words[0], "migctl").read_bytes()
        sanitized = any(mark in program for mark in (b"__asan_init", b"__tsan_init", b"__ubsan_handle"))
        expect(done["RSS of the daemon, KiB"] <= MOST_RSS_KIB or sanitized, f"the daemon's memory: {done}")
        for name, value in done.items():
            print(f"{name}: {value if value is not None else 'SKIPPED: axe-core is not there (tests/conformance/get_clients.py)'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, client.Failed) as failure:
        print(f"failed: {failure}")
        sys.exit(1)
