# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of AWX's API that the modules of awx.awx use to create objects. It keeps what it is sent and checks nothing: that is the modules' part here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

#: what the list of all that can be launched consists of -> the type of an object in it
LAUNCHED = {
    "projects": "project",
    "inventory_sources": "inventory_source",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
}
#: what an object holds that lists other objects
ASSOCIATIONS = ("credentials", "labels", "instance_groups", "success_nodes", "failure_nodes", "always_nodes", "input_inventories")


class Api:
    """The objects by kind, as they were sent: objects["job_templates"]["Immuta drift"]."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.others: dict[str, Any] = {}
        self.writes: list[str] = []
        self._number = 0
        self.create("organizations", {"name": "Default"})
        self.writes.clear()

    def objects(self, kind: str) -> dict[str, dict[str, Any]]:
        return {each.get("name") or each["identifier"]: each for each in self.lists[kind]}

    def associated(self, kind: str, name: str, association: str) -> set[str]:
        """The names of the objects that one is associated with."""
        ids = self.others.get(f"{self.objects(kind)[name]['url']}{association}/", [])
        found = {each["id"]: each for known in self.lists.values() for each in known}
        return {found[id].get("name") or found[id]["identifier"] for id in ids}

    def create(self, kind: str, sent: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        url = f"/api/v2/{kind}/{self._number}/"
        made = {
            "id": self._number,
            "url": url,
            "type": LAUNCHED.get(kind, kind.rstrip("s")),
            "status": "successful",
            "scm_revision": "",
            "summary_fields": {},
            **sent,
        }
        made["related"] = {"survey_spec": f"{url}survey_spec/", "update": f"{url}update/", "named_url": url}
        self.lists[kind].append(made)
        return made

    # --- requests

    def get(self, path: list[str], query: dict[str, str], url: str) -> tuple[int, Any]:
        kind = path[0]
        if len(path) == 1:
            known = [each for launched in LAUNCHED for each in self.lists[launched]] if kind == "unified_job_templates" else self.lists[kind]
            wanted = {name: text for name, text in query.items() if name not in ("page", "page_size", "order_by")}
            found = [each for each in known if all(str(each.get(name)) == text for name, text in wanted.items())]
            return 200, {"count": len(found), "results": found, "next": None}
        if len(path) == 2:
            return next(((200, each) for each in self.lists[kind] if str(each["id"]) == path[1]), (404, {}))
        if path[2] == "survey_spec":
            return 200, self.others.get(url, {})
        ids = self.others.get(url, [])
        return 200, {"count": len(ids), "results": [{"id": id} for id in ids], "next": None}

    def post(self, path: list[str], sent: dict[str, Any], url: str) -> tuple[int, Any]:
        if len(path) == 1:
            return 201, self.create(path[0], sent)
        if path[2] == "survey_spec":
            self.others[url] = sent
            return 200, {}
        if path[2] == "create_approval_template":
            made = self.create("workflow_approval_templates", sent)
            (node,) = [each for each in self.lists["workflow_job_template_nodes"] if str(each["id"]) == path[1]]
            node["unified_job_template"], node["related"]["unified_job_template"] = made["id"], made["url"]
            return 201, made
        assert path[2] in ASSOCIATIONS or path[2].startswith("notification_templates_"), path
        kept = self.others.setdefault(url, [])
        kept.remove(sent["id"]) if sent.get("disassociate") else kept.append(sent["id"])
        return 204, None

    def patch(self, path: list[str], sent: dict[str, Any], url: str) -> tuple[int, Any]:
        (found,) = [each for each in self.lists[path[0]] if str(each["id"]) == path[1]]
        found.update(sent)
        return 200, found


@contextmanager
def serving(api: Api) -> Iterator[str]:
    """The address of a server with the API."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/api/v2/").strip("/").split("/")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "GET":
                status, found = api.get(path, dict(parse_qsl(parts.query)), parts.path)
            else:
                api.writes.append(f"{self.command} {parts.path}")
                change = api.post if self.command == "POST" else api.patch
                status, found = change(path, json.loads(body), parts.path)
            text = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
