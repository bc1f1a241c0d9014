"""The documentation page of HTTP in: plain HTML made from openapi.json, with nothing from afar.

The usual page of the web framework loads its scripts from the internet, where a building's server
has no way to; this one is text and a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1a2026;background:#f9fafb}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
code,pre{font:13px/1.5 ui-monospace,monospace;background:#edf0f2}
pre{padding:.75rem;overflow-x:auto}code{padding:0 .2rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;border-bottom:1px solid #cbd1d7;padding:.3rem .6rem;vertical-align:top}
"""


def page(document: dict[str, Any]) -> str:
    """openapi.json as a page to read."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        *(f"<p>{escape(text)}</p>" for text in info.get("description", "").split("\n\n")),
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(path, method, operation, document)
    return "\n".join(parts) + "</html>"


def _operation(
    path: str, method: str, operation: dict[str, Any], document: dict[str, Any]
) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reading = document.get("components", {}).get("schemas", {}).get("Reading")
    if content and reading:
        yield "<table><tr><th>field</th><th>unit</th><th>needed</th><th>meaning</th></tr>"
        for name, field in reading["properties"].items():
            needed = "yes" if name in reading["required"] else ""
            cells = (name, field.get("x-unit", ""), needed, field.get("description", ""))
            yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        yield "</table>"
    for name, example in content.get("examples", {}).items():
        import json

        shown = json.dumps(example["value"], indent=2)
        yield f"<p>{escape(name)}:</p><pre>{escape(shown)}</pre>"
    yield "<table><tr><th>answer</th><th>meaning</th></tr>"
    for status, answer in operation.get("responses", {}).items():
        yield f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td></tr>"
    yield "</table>"
