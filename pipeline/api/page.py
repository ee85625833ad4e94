"""Pages and JSON, and the headers that keep both to themselves."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.api.refusal import Refusal
from pipeline.api.wording import FILTERS

FOLDER = Path(__file__).parent / "pages"
HEADERS = {
    # Nothing but our own style sheet is loaded, nothing runs, nothing frames the page, no form leaves it.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "assure",
}


class Pages:
    """Templates with automatic escaping, since texts of devices and names of inventories are hostile; ``now`` is UTC nanoseconds."""

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self.now = now
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters.update(FILTERS)

    def page(self, name: str, status: int = 200, **values: Any) -> web.Response:
        """A page by the name of its template.

        With ``refresh`` it loads itself again after so many seconds; ``steady`` is the address where it does not.
        """
        values = {"refresh": 0, **values}
        text = self._templates.get_template(f"{name}.html").render(page=name, made_at=self.now(), **values)
        return web.Response(text=text, status=status, content_type="text/html")

    def refusal(self, refusal: Refusal, *, as_json: bool, bare: bool = False) -> web.Response:
        """A refusal in the form that was asked for; ``bare`` is without the staff's navigation."""
        if as_json:
            body: dict[str, Any] = {"error": f"{refusal.title}: {refusal.text}"}
            body |= {"problems": list(refusal.problems)} if refusal.problems else {}
            return web.json_response(body, status=refusal.status, headers=refusal.headers)
        again = int(refusal.headers.get("Retry-After", "0"))
        answer = self.page("refusal", refusal.status, refusal=refusal, refresh=again, steady="", base="bare.html" if bare else "base.html")
        answer.headers.update(refusal.headers)
        return answer

    @staticmethod
    def style() -> web.Response:
        """The style sheet of all pages."""
        return web.Response(text=_style(), content_type="text/css")


async def protect(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Put the headers on every answer, whatever made it."""
    answer.headers.update(HEADERS)


_style = partial((FOLDER / "console.css").read_text, encoding="utf-8")
