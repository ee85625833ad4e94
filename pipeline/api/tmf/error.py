"""Refusals in TMF630's form: ``code``, ``reason``, ``message``, ``status``."""

from aiohttp import web

from pipeline.api.refusal import Refusal

PREFIX = "/tmf-api/"


def error_answer(refusal: Refusal) -> web.Response:
    """A refusal as TM Forum's APIs tell it."""
    body = {
        "code": str(refusal.status),
        "reason": refusal.title,
        "message": refusal.text,
        "status": str(refusal.status),
        "@type": "Error",
    }
    return web.json_response(body, status=refusal.status, headers=refusal.headers)
