#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small Kubernetes API server for tests: objects in memory, watches, merge patches, evictions, and faults on demand.

    fake_api.py FOLDER          TLS with certificates that it makes in FOLDER: ca.pem, client.pem, client-key.pem
    fake_api.py FOLDER --plain  http

It listens on a free port of 127.0.0.1 and prints {"port": N}. Each line on its standard input is a command as JSON, answered by one
line; it ends with its standard input. Commands:

    {"set": {"token": T, "budget": [POD...], "faults": [FAULT...]}}   token: the only one that is accepted; budget: pods that may not go
    {"put": [PATH, OBJECT]}  {"get": PATH}  {"delete": PATH}          past the API; PATH is an object's
    {"requests": true}       what was asked since the last time
    {"expire": true}         what was before now is not known to watches any more: 410
    {"drop": true}           ends all watches, without their last chunk
    {"certificate": true}    another authority, in ca.pem, and another certificate

A fault is used for the first `times` (default 1) requests, after `skip` (default 0) others, whose "METHOD TARGET" matches `match`:
    {"match": RE, "do": "status", "code": N, "body": OBJECT, "headers": {...}}
    "do": "hang" (no answer) | "slow" (after `seconds`, then as usual) | "garbage" | "huge" (`bytes`) | "cut" (half an object)
    "do": "lines", "lines": [TEXT...], "then": "end" | "cut" | "hang"    a stream of these texts
"""

import http.server
import json
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

PATH = re.compile(r"^(?P<group>/api/v1|/apis/[^/]+/[^/]+)(/namespaces/(?P<ns>[^/]+))?/(?P<resource>[a-z]+)(/(?P<name>[^/]+))?(/(?P<sub>[a-z]+))?$")
HOLD_S = 60


def make_certificates(folder):
    def run(*arguments):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *arguments],
                       check=True, capture_output=True)

    run("-keyout", f"{folder}/ca-key.pem", "-out", f"{folder}/ca-new.pem", "-subj", "/CN=test authority")
    by = ["-CA", f"{folder}/ca-new.pem", "-CAkey", f"{folder}/ca-key.pem", "-addext", "basicConstraints=critical,CA:FALSE"]
    run("-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", "/CN=api", *by, "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:api.test")
    run("-keyout", f"{folder}/client-key.pem", "-out", f"{folder}/client.pem", "-subj", "/CN=node", *by)
    subprocess.run(["mv", f"{folder}/ca-new.pem", f"{folder}/ca.pem"], check=True)


def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


class Refused(Exception):
    def __init__(self, code, reason, message, **more):
        super().__init__(message)
        self.code = code
        self.status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code, **more}


class Store:
    def __init__(self):
        self.changed = threading.Condition()
        self.objects = {}  # (group, resource, ns, name) -> object
        self.log = []  # (version, key, type, object)
        self.version = 100
        self.oldest = 0
        self.dropped = 0
        self.token = None
        self.budget = []
        self.faults = []
        self.requests = []

    def kept(self, key, obj, kind, manager):
        self.version += 1
        before = self.objects.get(key, {})
        obj = json.loads(json.dumps(obj))
        meta = obj.setdefault("metadata", {})
        meta["name"] = key[3]
        if key[2]:
            meta["namespace"] = key[2]
        meta["resourceVersion"] = str(self.version)
        meta["uid"] = before.get("metadata", {}).get("uid") or meta.get("uid") or f"uid-{self.version}"
        meta["managedFields"] = self.managed(before.get("metadata", {}), meta, manager)
        if kind == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = obj
        self.log.append((self.version, key, kind, obj))
        self.changed.notify_all()
        return obj

    @staticmethod
    def managed(before, meta, manager):
        """Who set which label, as the API server's managedFields have it."""
        owners = {}
        for entry in before.get("managedFields", []):
            for label in entry["fieldsV1"]["f:metadata"]["f:labels"]:
                owners[label[2:]] = entry["manager"]
        old, new = before.get("labels") or {}, meta.get("labels") or {}
        for label, value in new.items():
            if label not in owners or old.get(label) != value:
                owners[label] = manager
        out = {}
        for label in new:
            out.setdefault(owners[label], {})["f:" + label] = {}
        return [{"manager": who, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": labels}}}
                for who, labels in sorted(out.items())]

    def find(self, key):
        if key not in self.objects:
            raise Refused(404, "NotFound", f'{key[1]} "{key[3]}" not found')
        return self.objects[key]

    def write(self, method, key, sub, body, manager):
        if method == "POST" and sub == "eviction":
            return self.evict(key, body)
        if method == "POST":
            key = key[:3] + (body["metadata"].get("name") or f"{body['metadata']['generateName']}{self.version + 1}",)
            if key in self.objects:
                raise Refused(409, "AlreadyExists", f'{key[1]} "{key[3]}" already exists')
            return self.kept(key, body, "ADDED", manager)
        now = self.find(key)
        wanted = (body or {}).get("preconditions", {}).get("uid")
        if method == "DELETE":
            self.check_uid(now, wanted)
            return self.kept(key, now, "DELETED", manager)
        version = (body.get("metadata") or {}).get("resourceVersion")
        if version is not None and version != now["metadata"]["resourceVersion"]:
            raise Refused(409, "Conflict", f'Operation cannot be fulfilled on {key[1]} "{key[3]}": the object has been modified')
        after = merged(now, body) if method == "PATCH" else body
        if after == now:
            return now
        return self.kept(key, after, "MODIFIED", manager)

    @staticmethod
    def check_uid(now, wanted):
        if wanted is not None and wanted != now["metadata"]["uid"]:
            raise Refused(409, "Conflict", "Precondition failed: UID in precondition: " + wanted)

    def evict(self, key, body):
        now = self.find(key)
        self.check_uid(now, body.get("deleteOptions", {}).get("preconditions", {}).get("uid"))
        if key[3] in self.budget:
            raise Refused(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.",
                          details={"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods"}]})
        self.kept(key, now, "DELETED", "kubelet")
        return {"kind": "Status", "status": "Success"}


def key_of(path):
    found = PATH.match(path)
    if not found:
        raise Refused(404, "NotFound", "the server could not find the requested resource")
    unquote = urllib.parse.unquote
    return (found["group"], found["resource"], unquote(found["ns"] or ""), unquote(found["name"] or "")), found["sub"]


def selected(key, obj, wanted, query):
    if wanted[:2] != key[:2] or (wanted[2] and wanted[2] != key[2]):
        return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        field, value = term.split("=", 1)
        at = obj
        for part in field.split("."):
            at = at.get(part, {}) if isinstance(at, dict) else {}
        if at != value:
            return False
    for term in filter(None, query.get("labelSelector", "").split(",")):
        label, _, value = term.partition("=")
        if (obj["metadata"].get("labels") or {}).get(label) != value:
            return False
    return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *_):
        pass

    def answer(self, code, body, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def fault(self, method):
        with self.store.changed:
            for fault in self.store.faults:
                if fault.get("times", 1) > 0 and re.search(fault["match"], f"{method} {self.path}"):
                    if fault.get("skip", 0) > 0:
                        fault["skip"] -= 1
                        continue
                    fault["times"] = fault.get("times", 1) - 1
                    return fault
        return None

    def faulty(self, fault):
        """True when the answer was given."""
        do = fault["do"]
        if do == "slow":
            time.sleep(fault["seconds"])
            return False
        if do == "status":
            self.answer(fault["code"], fault.get("body", {}), fault.get("headers"))
        elif do == "hang":
            time.sleep(HOLD_S)
        elif do == "garbage":
            self.answer(200, b"<html>this is no object</html>")
        elif do == "huge":
            self.answer(200, b'{"x":"' + b"x" * fault["bytes"] + b'"}')
        elif do == "cut":
            self.begin_stream()
            self.chunk('{"metadata": {"na')
            self.close_connection = True
        elif do == "lines":
            self.begin_stream()
            for line in fault["lines"]:
                self.chunk(line)
            if fault["then"] == "end":
                self.wfile.write(b"0\r\n\r\n")
            elif fault["then"] == "hang":
                time.sleep(HOLD_S)
            self.close_connection = True
        return True

    def handle_one(self, method):
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size) if size else b""
        certificate = getattr(self.connection, "getpeercert", dict)() or {}
        with self.store.changed:
            self.store.requests.append({
                "method": method, "target": self.path, "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": raw.decode(), "client": dict(x[0] for x in certificate.get("subject", ())).get("commonName", "")})
        fault = self.fault(method)
        if fault and self.faulty(fault):
            return
        if self.store.token is not None and self.headers.get("Authorization") != "Bearer " + self.store.token:
            self.answer(401, Refused(401, "Unauthorized", "Unauthorized").status)
            return
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        try:
            key, sub = key_of(url.path)
            if query.get("watch") == "1":
                self.watch(key, query)
                return
            with self.store.changed:
                out = self.served(method, key, sub, query, json.loads(raw) if raw else None)
        except Refused as refused:
            self.answer(refused.code, refused.status)
            return
        self.answer(201 if method == "POST" else 200, out)

    def served(self, method, key, sub, query, body):
        if method != "GET":
            return self.store.write(method, key, sub, body, self.headers.get("User-Agent", "").split("/")[0])
        if key[3]:
            return self.store.find(key)
        items = [obj for at, obj in sorted(self.store.objects.items()) if selected(at, obj, key, query)]
        begin, limit = int(query.get("continue", "0")), int(query.get("limit", "500"))
        meta = {"resourceVersion": str(self.store.version)}
        if begin + limit < len(items):
            meta["continue"] = str(begin + limit)
        return {"kind": "List", "metadata": meta, "items": items[begin:begin + limit]}

    def watch(self, wanted, query):
        seen, store = int(query["resourceVersion"]), self.store
        end = time.monotonic() + float(query.get("timeoutSeconds", HOLD_S))
        with store.changed:
            if seen < store.oldest:
                raise Refused(410, "Expired", f"too old resource version: {seen} ({store.oldest})")
            dropped = store.dropped
        self.begin_stream()
        while time.monotonic() < end:
            with store.changed:
                store.changed.wait_for(lambda: store.version > seen or store.dropped != dropped, max(0.0, end - time.monotonic()))
                if store.dropped != dropped:
                    self.close_connection = True
                    return
                news = [entry for entry in store.log if entry[0] > seen]
                seen = store.version
            for _, key, kind, obj in news:
                if selected(key, obj, wanted, query):
                    self.chunk(json.dumps({"type": kind, "object": obj}) + "\n")
            if news and "allowWatchBookmarks" in query:
                self.chunk(json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(seen)}}}) + "\n")
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")

    def do_PUT(self):
        self.handle_one("PUT")

    def do_PATCH(self):
        self.handle_one("PATCH")

    def do_DELETE(self):
        self.handle_one("DELETE")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        try:
            if self.context is not None:
                request = self.context.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
        except OSError:
            pass  # the client is gone, or does not trust us
        finally:
            request.close()

    def renew(self, folder):
        make_certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        context.load_verify_locations(f"{folder}/ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.context = context


def command(store, server, folder, asked):
    with store.changed:
        if "set" in asked:
            for name, value in asked["set"].items():
                assert hasattr(store, name), name
                setattr(store, name, value)
        elif "put" in asked:
            path, obj = asked["put"]
            key = key_of(path)[0]
            return store.kept(key, obj, "MODIFIED" if key in store.objects else "ADDED", "test")
        elif "get" in asked:
            return store.objects.get(key_of(asked["get"])[0])
        elif "delete" in asked:
            key = key_of(asked["delete"])[0]
            return store.kept(key, store.objects[key], "DELETED", "test")
        elif "requests" in asked:
            out, store.requests = store.requests, []
            return out
        elif "expire" in asked:
            store.version += 1
            store.oldest = store.version
        elif "drop" in asked:
            store.dropped += 1
            store.changed.notify_all()
        elif "certificate" in asked:
            server.renew(folder)
        else:
            raise ValueError(f"unknown command: {asked}")
    return {}


def main():
    folder = sys.argv[1]
    store = Store()
    handler = type("Bound", (Handler,), {"store": store})
    server = Server(("127.0.0.1", 0), handler)
    if "--plain" not in sys.argv:
        server.renew(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(command(store, server, folder, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
