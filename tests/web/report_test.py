#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A written report with every block, in Chromium: light, dark, on a phone and printed; nothing of a program becomes markup.

Usage: report_test.py REPORT_SAMPLE [--pictures FOLDER]        needs Chromium, and axe-core for a part

REPORT_SAMPLE writes report.html, report.md and report.json into a folder (tests/web/report_sample.cc). With --pictures: the page in both schemes and the
PDF, for people to look at.
"""
import base64
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "e2e")]
import browser  # noqa: E402  pylint: disable=wrong-import-position
import json_check  # noqa: E402  pylint: disable=wrong-import-position
from browser import Failed, expect  # noqa: E402  pylint: disable=wrong-import-position

SKIPPED = 77
AXE = ROOT / "build" / "third_party" / "npm" / "axe-core" / "axe.min.js"
PICTURE = ROOT / "docs" / "img" / "dashboard_phone.png"
MOST_BYTES = 2_000_000
EVIL = "https:" + "//evil.example"
VOID = {"meta", "input", "img", "br"}
# What a report is made of; anything else came from elsewhere.
TAGS = {"html", "head", "meta", "title", "style", "body", "a", "aside", "header", "h1", "h2", "h3", "p", "b", "dl", "div", "dt", "dd", "span", "fieldset",
        "legend", "label", "input", "svg", "defs", "pattern", "rect", "path", "line", "text", "desc", "nav", "ol", "ul", "li", "main", "section", "code", "em",
        "pre", "figure", "figcaption", "img", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer"}


class Markup(html.parser.HTMLParser):
    """Tags nest, are known ones, and ask for nothing from elsewhere."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.troubles, self.headings, self.texts = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.troubles.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.troubles.append(f"<{tag} {name}>")
            if name in ("src", "srcset", "data", "action", "background", "poster") and not value.startswith("data:image/png;base64,"):
                self.troubles.append(f"<{tag} {name}={value[:60]!r}>")
            if name in ("href", "xlink:href") and not re.match(r"(#[^#]+|https?://[^\s]+)$", value):
                self.troubles.append(f"<{tag} {name}={value[:60]!r}>")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.troubles.append(f"</{tag}> within {self.open[-3:]}")
        elif tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)


def is_well_made(text):
    expect(len(text.encode()) <= MOST_BYTES, f"{len(text.encode())} bytes")
    markup = Markup()
    markup.feed(text)
    markup.close()
    expect(markup.troubles == [] and markup.open == [], f"markup: {markup.troubles[:8]} {markup.open}")
    steps = [b - a for a, b in zip(markup.headings, markup.headings[1:])]
    expect(markup.headings[0] == 1 and markup.headings.count(1) == 1 and max(steps) <= 1, f"headings: {markup.headings}")
    expect("<script>document.title='pwned'</script>" in "".join(markup.texts), "what a program printed is not told as it is")
    expect(not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text), "a character that steers")


def json_is_of_the_schema(text):
    document = json.loads(text)
    schema = json_check.load()
    found = json_check.document_problems(document, schema)
    expect(found == [], f"report.json: {found[:6]}")
    kinds = {block["type"] for section in document["sections"] for block in section["blocks"]}
    blocks = {one["$ref"].rsplit("/", 1)[1].removeprefix("report").lower() for one in schema["$defs"]["reportBlock"]["anyOf"]}
    expect(kinds == blocks, f"the sample has not every kind of block: {blocks ^ kinds}")
    expect(document["simulated"] is True, "the document says that it is simulated")


def markdown_is_well_made(text):
    """Fences end, tables have as many cells in each row, and no text is a tag."""
    fence, columns = None, None
    for number, line in enumerate(text.splitlines(), 1):
        marks = re.match("`{3,}", line)
        if marks:
            if fence is None:
                fence = marks[0]
            elif line == fence:
                fence = None
            continue
        if fence is not None:
            continue
        plain = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        expect(not re.search(r"(?<!\\)<[a-z/!]", plain), f"line {number} has a tag: {line[:120]}")
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        expect(cells is None or columns is None or cells == columns, f"line {number}: {cells} bars and {columns} above: {line[:120]}")
        columns = cells
    expect(fence is None, "a fence has no end")


def opened(driver, url, width=1280, height=900, dark=False):
    page = driver.page(width, height, dark)
    page.open(url)
    return page


def asks_for_nothing(page, url):
    others = [one for one in page.requests() if one != url and not one.startswith("data:image/png")]
    expect(others == [], f"requests: {others}")
    expect(page.troubles() == [], f"the console: {page.troubles()}")
    expect(page.run("document.title") == "SIMULATED: GPU sharing with Multi-Instance GPU", f"title: {page.run('document.title')}")
    expect(page.run("document.images.length") == 1 and page.run("document.images[0].naturalWidth") > 100, "the picture is shown, and no other")


def is_accessible(page, what):
    if not AXE.exists():
        return None
    page.run(AXE.read_text(encoding="utf-8") + "; undefined")
    found = page.run("""axe.run(document, { resultTypes: ['violations'] }).then((result) => ({ rules: result.passes.length, violations:
      result.violations.map((one) => [one.id, one.help, one.nodes.slice(0, 4).map((node) => [node.html.slice(0, 160), node.failureSummary.slice(0, 300)])]) }))""")
    expect(found["violations"] == [], f"axe-core, {what}: {json.dumps(found['violations'], indent=1)}")
    return found["rules"]


def drawings_are_whole(page, what):
    """Each has a title and a description; no text is cut off at an edge, and none lies on another one."""
    found = page.run("""[...document.querySelectorAll('figure svg')].flatMap((svg) => {
      const box = svg.viewBox.baseVal;
      const texts = [...svg.querySelectorAll('text')].map((one) => [one.textContent, one.getBBox()]);
      const bad = texts.filter(([, b]) => b.x < -1 || b.y < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 2)
        .map(([text, b]) => `cut off: ${text} at ${Math.round(b.x)}..${Math.round(b.x + b.width)}`);
      texts.forEach(([text, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
        const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
        const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
        if (wide > 2 && high > 5) bad.push(`${text} | ${other}: ${Math.round(wide)} x ${Math.round(high)}`);
      }));
      if (!svg.querySelector('title')?.textContent || !svg.querySelector('desc')?.textContent) bad.push('no title or description');
      return bad.map((one) => `${svg.querySelector('title').textContent.slice(0, 40)}: ${one}`);
    })""")
    expect(found == [], f"drawings, {what}: {json.dumps(found, indent=1)}")
    expect(page.run("document.querySelectorAll('figure svg').length") >= 6, "drawings are missing")


def fits(page, width, what):
    wide = page.run("document.documentElement.scrollWidth")
    expect(wide <= width, f"{what}: {wide} px wide")


def background(page):
    return page.run("getComputedStyle(document.body).backgroundColor")


def colours_are_chosen_without_a_script(page, dark):
    own, other = ("dark", "light") if dark else ("light", "dark")
    first = background(page)
    page.run("document.getElementById('_system').focus()")
    page.key("ArrowRight")
    page.key("ArrowRight")
    expect(page.run("document.getElementById('_dark').checked"), "the keyboard does not reach the switch")
    expect((background(page) == first) == (own == "dark"), f"dark, where the system is {own}: {background(page)}")
    page.run(f"document.getElementById('_{other}').click()")
    expect(background(page) != first, f"{other}, where the system is {own}")
    page.run("document.getElementById('_system').click()")
    expect(background(page) == first, "as the system again")
    expect(page.run("document.cookie") == "", "a cookie")


def policy_is_in_force(page):
    page.run("""new Promise((done) => {
      window.refused = [];
      addEventListener('securitypolicyviolation', (event) => window.refused.push(event.effectiveDirective));
      const script = document.createElement('script'); script.append('window.pwned = 1'); document.body.append(script);
      const style = document.createElement('style'); style.append('body { display: none }'); document.body.append(style);
      document.body.setAttribute('onclick', 'window.pwned = 2'); document.body.click();
      const picture = new Image(); picture.src = '""" + EVIL + """/x.png';
      const frame = document.createElement('iframe'); frame.src = '""" + EVIL + """/'; document.body.append(frame);
      fetch('""" + EVIL + """/').catch(() => {}).then(() => setTimeout(done, 100)); })""")
    refused = set(page.run("window.refused"))
    expect(page.run("window.pwned") is None and page.run("getComputedStyle(document.body).display") != "none", "an injected script or style counts")
    expect({"script-src-elem", "style-src-elem", "script-src-attr", "img-src", "connect-src", "frame-src"} <= refused, f"refused: {refused}")


def printed(page):
    """On A4: light, without what only a screen can use, nothing beyond the edge of the paper."""
    paper = 688  # 182 mm
    page.call("Emulation.setDeviceMetricsOverride", width=paper, height=1000, deviceScaleFactor=1, mobile=False)
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    expect(page.run("getComputedStyle(document.documentElement).colorScheme") == "light", "dark on paper")
    shown = page.run("['.themes', 'details', '.banner', '.skip'].filter((one) => document.querySelector(one)?.checkVisibility())")
    expect(shown == [], f"printed: {shown}")
    beyond = page.run(f"""[...document.querySelectorAll('main *')].filter((one) => one.checkVisibility() && !one.closest('.unseen') &&
      one.getBoundingClientRect().right > {paper} + 1).map((one) => one.outerHTML.slice(0, 100)).slice(0, 5)""")
    expect(beyond == [], f"beyond the paper: {beyond}")
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    pdf = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])
    sizes = set(re.findall(rb"/MediaBox \[([^\]]*)\]", pdf))
    pages = len(re.findall(rb"/Type /Page\b", pdf))
    expect(len(sizes) == 1 and re.match(rb"0 0 59[45][\d.]* 84[12][\d.]*$", *sizes), f"paper: {sizes}")
    expect(5 <= pages <= 20, f"{pages} pages")
    return pdf, pages


def tell_pictures(driver, url, pdf, folder):
    for name, width, dark in (("report_light", 1280, False), ("report_dark", 1280, True), ("report_phone", 360, False)):
        page = opened(driver, url, width, 1000, dark)
        page.picture(folder / f"{name}.png", True)
        page.close()
    (folder / "report.pdf").write_bytes(pdf)


def in_a_browser(driver, url):
    done = {}
    for dark in (False, True):
        what = "dark" if dark else "light"
        page = opened(driver, url, dark=dark)
        asks_for_nothing(page, url)
        fits(page, 1280, what)
        drawings_are_whole(page, what)
        done[f"axe-core rules, {what}"] = is_accessible(page, what)
        colours_are_chosen_without_a_script(page, dark)
        page.close()
    page = opened(driver, url, 360, 740)
    asks_for_nothing(page, url)
    fits(page, 360, "a phone")
    done["axe-core rules, phone"] = is_accessible(page, "phone")
    at = page.run("(scrollTo(0, 3000), document.querySelector('.banner').getBoundingClientRect().top)")
    expect(0 <= at < 100, f"SIMULATED is out of sight: {at}")
    policy_is_in_force(page)
    page.close()
    page = opened(driver, url)
    pdf, done["pages of A4"] = printed(page)
    page.close()
    return done, pdf


def main():
    words = sys.argv[1:]
    if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "--pictures"):
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-report-") as folder:
        subprocess.run([words[0], folder, PICTURE], check=True, timeout=60)
        files = {name: pathlib.Path(folder, f"report.{name}").read_text(encoding="utf-8") for name in ("html", "md", "json")}
        is_well_made(files["html"])
        json_is_of_the_schema(files["json"])
        markdown_is_well_made(files["md"])
        if not browser.program():
            print("SKIPPED: there is no chromium (scripts/bootstrap test installs it)")
            return SKIPPED
        driver = browser.Browser()
        try:
            url = pathlib.Path(folder, "report.html").as_uri()
            done, pdf = in_a_browser(driver, url)
            if len(words) == 3:
                tell_pictures(driver, url, pdf, pathlib.Path(words[2]))
        finally:
            driver.close()
        done["bytes"] = len(files["html"].encode())
        for name, value in done.items():
            print(f"{name}: {value if value is not None else 'SKIPPED: axe-core is not there (tests/conformance/get_clients.py)'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print(f"failed: {failure}")
        sys.exit(1)
