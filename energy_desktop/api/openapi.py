"""openapi.json: the body from the one declaration of its fields, the answers in sentences."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from energy_desktop.services.push_body import FIELDS, MOST_READINGS

_EXAMPLE = {
    "energy_produced": 75.5,
    "energy_consumed": 62.3,
    "current_load": 35.8,
    "voltage": 229.8,
    "current": 15.2,
    "frequency": 50.01,
    "power_factor": 0.95,
}
_MEANINGS = {
    200: "Done. `message` says how many readings were stored, `remarks` what was left out. Of an "
    "array in part (`status` is partial) `accepted_at`, `duplicates_at` and `refused` name each "
    "reading by its place, from 0.",
    401: "No key, or one that is not known or was revoked.",
    404: "Nothing came in the last 60 s.",
    413: "The body is too long; it was not read.",
    422: "The body or none of its readings can be used; `error` says why and what to do.",
    429: "Too often; Retry-After says how many seconds to wait.",
    503: "The store does not take readings just now; send the same request again.",
}
_DESCRIPTION = (
    "Sensors post their readings here. Each shows its key in the header X-API-Key; a key writes "
    "to its own meters only.\n\n"
    "A reading is stored once for each meter and time. With an Idempotency-Key a request may be "
    "sent again and again: it is answered as the first time. Readings that were kept while "
    "offline are sent with their own timestamp, oldest first, up to 28 days later.\n\n"
    "Every failure is an object `error` with where, what and remedy."
)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": _MEANINGS[status]} for status in statuses}


def body_schema() -> dict[str, Any]:
    """What an operation that takes readings adds to the document."""
    reading = {"$ref": "#/components/schemas/Reading"}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            reading,
                            {"type": "array", "items": reading, "maxItems": MOST_READINGS},
                        ]
                    },
                    "examples": {
                        "One reading": {"value": _EXAMPLE},
                        "Readings kept while offline": {
                            "value": [
                                {**_EXAMPLE, "timestamp": "2026-03-01T12:00:00Z"},
                                {
                                    **_EXAMPLE,
                                    "energy_consumed": 62.4,
                                    "timestamp": "2026-03-01T12:05:00Z",
                                },
                            ]
                        },
                    },
                }
            },
        }
    }


def describe(app: FastAPI, key_header: str, idempotency_header: str) -> None:
    """Makes `app.openapi()` give the document with reading, key and headers."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=_DESCRIPTION,
                routes=app.routes,
            )
            components = made.setdefault("components", {})
            components.setdefault("schemas", {})["Reading"] = _reading()
            components["securitySchemes"] = {
                "key": {"type": "apiKey", "in": "header", "name": key_header}
            }
            made["security"] = [{"key": []}]
            made["paths"]["/api/hardware/data"]["post"]["parameters"] = [
                {
                    "name": idempotency_header,
                    "in": "header",
                    "required": False,
                    "schema": {"type": "string", "maxLength": 200},
                    "description": "The same text again: the request is a repetition.",
                }
            ]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _reading() -> dict[str, Any]:
    properties: dict[str, Any] = {
        field.name: {"type": "number", "description": field.meaning, "x-unit": field.unit}
        for field in FIELDS
    }
    properties["facility_id"] = {
        "oneOf": [{"type": "integer"}, {"type": "string"}],
        "description": "Which of the key's meters; may be left out when it has one only.",
    }
    properties["timestamp"] = {
        "oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
        "description": "When it was read: ISO 8601 with a zone, or seconds or milliseconds since "
        "1970. Left out: when it arrived.",
    }
    properties["idempotency_key"] = {
        "type": "string",
        "description": "As the header, for sensors that cannot set one.",
    }
    required = [field.name for field in FIELDS if field.required]
    return {"type": "object", "required": required, "properties": properties}
