"""The files that were sent, at addresses of our own. Knows who sent nothing: whoever has the address may read."""

import mimetypes
import secrets
from typing import Any
from urllib.parse import quote

from simcord.backend.cdn import CdnStore


class Attachments(CdnStore):
    """Files by path, each behind a key that cannot be guessed, as Discord's signed addresses are.

    Args:
        base: the address that paths are put behind, such as `http://127.0.0.1:8424`.
        max_bytes: of all files together; the oldest go first, so that a long talk with pictures ends.
    """

    def __init__(self, base: str, *, max_bytes: int = 256 * 1024 * 1024) -> None:
        super().__init__()
        self._base = base
        self._max_bytes = max_bytes
        self._files: dict[str, bytes] = {}
        self._bytes = 0

    def store_attachment(
        self, attachment_id: int, channel_id: int, filename: str, data: bytes, description: str | None
    ) -> dict[str, Any]:
        """Keep a file; its attachment object."""
        path = f"/cdn/attachments/{channel_id}/{attachment_id}/{secrets.token_urlsafe(12)}/{quote(filename, safe='')}"
        self._keep(path, data)
        url = self._base + path
        attachment: dict[str, Any] = {
            "id": str(attachment_id),
            "filename": filename,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": mimetypes.guess_type(filename)[0] or "application/octet-stream",
        }
        if description is not None:
            attachment["description"] = description
        return attachment

    def read(self, path: str) -> bytes | None:
        """A file by the path of its address, still quoted; None if there is none (any more)."""
        return self._files.get(path)

    def _keep(self, path: str, data: bytes) -> None:
        self._files[path] = data
        self._bytes += len(data)
        while self._bytes > self._max_bytes and len(self._files) > 1:
            oldest = next(iter(self._files))
            self._bytes -= len(self._files.pop(oldest))
