# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Galaxy server on loopback with one version of one collection: the four requests that an installation sends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

HERE = "/api/v3/collections/community/immuta"


@contextmanager
def galaxy(tarball: Path, *signatures: str) -> Iterator[str]:
    """Serve a tarball with signatures of its manifest, as Automation Hub does, and yield the server's URL."""
    version = tarball.name.removesuffix(".tar.gz").rsplit("-", maxsplit=1)[-1]
    about = {
        "version": version,
        "href": f"{HERE}/versions/{version}/",
        "namespace": {"name": "community"},
        "collection": {"name": "immuta"},
        "metadata": {"dependencies": {}},
        "download_url": f"/download/{tarball.name}",
        "artifact": {"sha256": hashlib.sha256(tarball.read_bytes()).hexdigest()},
        "signatures": [{"signature": signature} for signature in signatures],
    }
    answers: dict[str, Any] = {
        "/api/": {"available_versions": {"v3": "v3/"}},
        f"{HERE}/": {"highest_version": {"version": version}, "updated_at": "2026-01-01T00:00:00Z"},
        f"{HERE}/versions/": {"data": [{"version": version, "href": about["href"]}], "links": {"next": None}},
        about["href"]: about,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?", maxsplit=1)[0]
            body = tarball.read_bytes() if path == about["download_url"] else json.dumps(answers[path]).encode() if path in answers else b"{}"
            self.send_response(200 if body != b"{}" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/"
        finally:
            server.shutdown()
