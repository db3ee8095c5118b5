#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API as its OpenAPI document tells it: every path is refused without authorisation, every example is executed.

Usage: walk.py BIN           needs root (a tenants file for two users)

Walked from the document, which the daemon makes of its router's table: a path that is added is walked without a change here.
"""
import json
import pathlib
import re
import sys
import tempfile

import client as frame
from client import expect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import json_check  # noqa: E402  pylint: disable=wrong-import-position

TENANTS = """version: v1
others: none
tenants:
  ops: {users: [61001], role: admin}
  team: {users: [61002], role: user}
"""
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            expect(method in METHODS, f"{path}: {method} is no method")
            yield method.upper(), path, operation


def check_document(document):
    """What OpenAPI 3.1 asks for, as far as this document has it."""
    expect(document["openapi"] == "3.1.0" and document["info"]["version"], "not OpenAPI 3.1")
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        name = reference.removeprefix("#/components/schemas/")
        expect(name in schemas, f"{reference} leads nowhere")
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    expect(len(ids) == len(set(ids)), f"operation ids are not unique: {ids}")
    for method, path, operation in operations(document):
        expect(operation["summary"], f"{method} {path} says not what it is for")
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        expect(declared == set(re.findall(r"{(\w+)}", path)), f"{method} {path}: parameters {declared}")
        for parameter in operation.get("parameters", []):
            expect("example" in parameter and parameter["description"], f"{method} {path}: {parameter['name']} has no example")
    return len(ids)


def path_with(path, operation, lease):
    """The path with the examples of its parameters."""
    query = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", str(lease))
        else:
            query.append(f"{parameter['name']}={parameter['example']}")
    return path, path + ("?" + "&".join(query) if query else "")


def body_of(operation):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return json.dumps(content["example"]) if content else None


def refused(daemon, document, tokens):
    """Nothing is had without a token, or with one that does not count, or from another site."""
    count = 0
    host = f"127.0.0.1:{daemon.urls[0][2]}"
    for method, path, operation in operations(document):
        plain, full = path_with(path, operation, 1)
        access = operation["x-migctl-access"]
        for which in (0, 1):
            context = {"context": tokens["context"]} if which == 1 else {}

            def status(expected, what, *, token=None, headers=(), full=full, method=method, body=body_of(operation), which=which, context=context):
                got, text, fields = daemon.ask(method, full, body, which=which, token=token, headers=headers, **context)
                expect(got == expected, f"{method} {full} {what}: {got} and not {expected}: {text[:300]}")
                found = json.loads(text)
                expect(found["kind"] == "Error", f"{method} {full} {what}: {text[:200]}")
                expect(got != 401 or fields["WWW-Authenticate"].startswith("Bearer"), f"{method} {full}: 401 without a challenge")

            if method == "GET":
                got, text, fields = daemon.ask("HEAD", full, which=which, headers={"X-Forwarded-For": "10.0.0.1"}, **context)
                expect(got == 401 and text == "" and int(fields["Content-Length"]) > 0, f"HEAD {full} without a token: {got}")
            if access != "anonymous on loopback":
                status(401, "without a token")
            else:
                status(401, "anonymous through a proxy", headers={"X-Forwarded-For": "10.0.0.1"})
            for name in ("wrong", "revoked", "expired"):
                status(401, f"with a token that is {name}", token=tokens[name])
            status(401, "with Basic", headers={"Authorization": "Basic YTpi"})
            status(403, "of another site", token=tokens["admin"], headers={"Origin": "https:" "//evil.example"})
            status(403, "of a page elsewhere", token=tokens["admin"], headers={"Sec-Fetch-Site": "cross-site"})
            status(403, "for another host", token=tokens["admin"], headers={"Host": "evil.example"})
            if access == "UNIX socket only":
                status(403, "with an admin's token", token=tokens["admin"])
            elif access == "token":
                status(403, "of a user whom no tenant names", token=tokens["stranger"])
            if method != "GET" and access == "token":
                status(403, "of a viewer", token=tokens["viewer"])
            count += 1
        expect(plain, path)
    got, _, _ = daemon.ask("GET", "/v1/leases", token=tokens["admin"], headers={"Host": host})
    expect(got == 200, f"the admin's token counts: {got}")
    return count


def misplaced(daemon, tokens):
    """Tokens where they do not belong: refused, and the answer does not repeat the secret to whoever reads logs of proxies."""
    token = tokens["admin"]
    for which in (0, 1):
        context = {"context": tokens["context"]} if which == 1 else {}
        for method, path, body, headers in (
                ("GET", f"/v1/leases?token={token}", None, {}), ("GET", f"/v1/{token}", None, {}), ("POST", "/v1/leases", json.dumps({"key": token}), {}),
                ("GET", "/v1/leases", None, {"Authorization": f"Basic {token}"}), ("GET", "/v1/leases", None, {"Cookie": f"token={token}"}),
                ("GET", "/v1/leases", None, {"Authorization": f"Bearer {token} {token}"}), (token[:20], "/v1/leases", None, {}),
                ("GET", "/v1/events", None, {"Last-Event-ID": token})):
            status, text, _ = daemon.ask(method, path, body, which=which, headers=headers, **context)
            expect(status == 401, f"{method} {path} {headers}: {status} {text[:300]}")
    # With a token that counts beside it, an error may be told; it goes to its owner alone.
    daemon.ask("GET", f"/v1/leases?token={token}", token=token)
    daemon.ask("GET", f"/v1/{token}", token=token)
    daemon.ask("POST", "/v1/leases", json.dumps({"need": {"profile": token}, "limitMs": 1}), token=token)


def kept_nowhere(folder, secrets):
    """No file of the machine, the daemon or the log has a token, whole or its secret part."""
    parts = {part.encode() for secret in secrets for part in (secret, secret.rsplit("_", 1)[1])}
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            found = path.read_bytes()
            expect(not any(part in found for part in parts), f"{path.relative_to(folder)} has a token")


def run_example(daemon, method, path, operation, lease, token):
    """Executes it; the answer is one that the document tells. Returns what came."""
    _, full = path_with(path, operation, lease)
    where = {"token": token} if token else {"which": "unix"}
    if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
        connection = daemon.connection(where.get("which", 0))
        connection.request(method, full, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        expect(answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream", f"{full}: {answer.status}")
        expect(answer.readline() == b"retry: 2000\n", f"{full}: begins otherwise")
        connection.close()
        return None
    head = None
    if method == "GET":
        head, _, fields = daemon.ask("HEAD", full, **where)
        expect(int(fields["Content-Length"]) > 0, f"HEAD {full}: {head}, and no length")
    status, text, fields = daemon.ask(method, full, body_of(operation), **where)
    expect(head in (None, status), f"HEAD {full}: {head}, and GET: {status}")
    expect(str(status) in operation["responses"] or status >= 400, f"{method} {full}: {status} is not told: {text[:300]}")
    content = operation["responses"].get(str(status), operation["responses"]["default"]).get("content", {})
    kind = fields["Content-Type"].split(";")[0]
    expect(kind in content, f"{method} {full}: {kind} is not told")
    reference = content[kind]["schema"].get("$ref")
    if reference is None:
        return text
    found = json.loads(text)
    expect(found["kind"] == reference.rsplit("/", 1)[1], f"{method} {full}: {found['kind']}, told {reference}")
    problems = json_check.document_problems(found, json_check.load())
    expect(not problems, f"{method} {full}: {problems[:3]}")
    found["status"] = status
    return found


def examples(daemon, document, token):
    """In the order in which they can succeed: the lease that POST makes is the one that the others name. Statuses by operation."""
    order = sorted(operations(document), key=lambda one: ({"POST": 0, "PATCH": 1, "GET": 2, "DELETE": 3}[one[0]], one[1]))
    lease, statuses = 1, {}
    for method, path, operation in order:
        if operation["x-migctl-access"] == "UNIX socket only":
            continue
        found = run_example(daemon, method, path, operation, lease, token)
        if isinstance(found, dict):
            statuses[f"{method} {path}"] = found["status"]
            lease = found["leases"][0]["id"] if found["kind"] == "LeaseGrant" else lease
    return statuses


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-api-") as folder:
        pathlib.Path(folder, "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        cert, key = frame.certificate(folder)
        daemon = frame.Daemon(sys.argv[1], folder, "--tenants", str(pathlib.Path(folder, "tenants.yaml")), "--listen", "127.0.0.1:0",
                              "--listen", "https:" "//127.0.0.1:0", "--tls-cert", str(cert), "--tls-key", str(key))
        daemon.on_box("mode", "enable", "-i", "0")
        daemon.on_box("create", "1g.5gb", "1g.5gb")
        tokens = {"admin": daemon.token("admin", 61001, "--role", "admin"), "viewer": daemon.token("viewer", 61001, "--role", "viewer"),
                  "stranger": daemon.token("stranger", 61009, "--role", "admin"), "revoked": daemon.token("old", 61001, "--role", "admin"),
                  "expired": daemon.token("short", 61001, "--role", "admin", "--expires", "1ms"), "wrong": "migt_00000000_" + "0" * 64,
                  "context": frame.trusting(cert)}
        daemon.on_box("token", "revoke", tokens["revoked"].split("_")[1])
        daemon.start()
        try:
            _, document = daemon.document("GET", "/v1/openapi.json", which="unix")
            count = check_document(document)
            looked = refused(daemon, document, tokens)
            misplaced(daemon, tokens)
            statuses = examples(daemon, document, tokens["admin"])
            # A lease's holder is a process: nobody is one over TCP. By the kernel's word it can be.
            expect(statuses.pop("PATCH /v1/leases/{id}") in (403, 409), f"a process was bound over TCP: {statuses}")
            by_root = examples(daemon, document, None)
            for known in (statuses, by_root):
                # A plan that nobody was shown; a job that there is not.
                # So is a GPU that there is not, and its instance.
                expect(known.pop("POST /v1/instances") == 404 and known.pop("DELETE /v1/instances/{uuid}") == 404, f"an example succeeds: {known}")
                expect(known.pop("POST /v1/apply") == 409 and known.pop("GET /v1/jobs/{id}/log", 404) == 404, f"an example succeeds: {known}")
            expect(all(status == 200 for status in statuses.values()), f"an example fails: {statuses}")
            expect(all(status == 200 for status in by_root.values()), f"an example fails for root: {by_root}")
        finally:
            daemon.stop()
        expect("listening on https" in daemon.text(), "there is no log")
        kept_nowhere(folder, [value for name, value in tokens.items() if isinstance(value, str) and name != "wrong"])
        print(f"{count} operations, {looked} refused without authorisation, {len(statuses)} + {len(by_root)} examples executed")
    return 0


if __name__ == "__main__":
    frame.end(main)
