# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer that is an error, in the body shape of the vendor's examples: statusCode, error, message."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class Problem(Exception):
    """Raised anywhere below the routes; becomes the HTTP answer. extra: further keys of the body."""

    def __init__(self, status: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {
            "statusCode": self.status,
            "error": HTTPStatus(self.status).phrase,
            "message": self.message,
            **self.extra,
        }
