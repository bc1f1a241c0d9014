"""Keys of sensors, and the answers to requests that may be sent twice."""

from __future__ import annotations

from energy_desktop.domain.push import ApiKey, PushAnswer
from energy_desktop.storage.database import Database

_KEY = "key_id, name, made_at_ms, revoked_at_ms, last_used_ms"


class StoredApiKeys:
    """Implements domain.ports.ApiKeyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[tuple[ApiKey, str], ...]:
        """Every key with the hash of its secret, revoked ones too, oldest first."""
        with self._database.reading() as session:
            rows = session.rows(
                f"SELECT {_KEY}, secret_hash FROM api_keys ORDER BY made_at_ms, key_id"
            )
        return tuple((ApiKey(*row[:5]), str(row[5])) for row in rows)

    def add(self, key: ApiKey, secret_hash: str) -> None:
        with self._database.writing() as session:
            session.run(
                f"INSERT INTO api_keys ({_KEY}, secret_hash) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    key.key_id,
                    key.name,
                    key.made_at_ms,
                    key.revoked_at_ms,
                    key.last_used_ms,
                    secret_hash,
                ),
            )

    def revoke(self, key_id: str, at_ms: int) -> None:
        with self._database.writing() as session:
            session.run(
                "UPDATE api_keys SET revoked_at_ms = ? WHERE key_id = ? AND revoked_at_ms IS NULL",
                (at_ms, key_id),
            )

    def note_use(self, key_id: str, at_ms: int) -> None:
        """Not durable: when a key was last used may be lost with the power."""
        with self._database.writing(durable=False) as session:
            session.run("UPDATE api_keys SET last_used_ms = ? WHERE key_id = ?", (at_ms, key_id))


class StoredPushAnswers:
    """Implements domain.ports.PushAnswerStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, key_id: str, idempotency_key: str, answer: PushAnswer) -> PushAnswer:
        """Notes that a request came; gives what is known of it, from an earlier try if any."""
        with self._database.writing() as session:
            session.run(
                "INSERT INTO push_answers (key_id, idempotency_key, digest, received_at_ms,"
                " status, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    key_id,
                    idempotency_key,
                    answer.digest,
                    answer.received_at_ms,
                    answer.status,
                    answer.body,
                ),
            )
            row = session.row(
                "SELECT digest, received_at_ms, status, body FROM push_answers"
                " WHERE key_id = ? AND idempotency_key = ?",
                (key_id, idempotency_key),
            )
        assert row is not None
        return PushAnswer(str(row[0]), int(row[1]), int(row[2]), str(row[3]))

    def finish(self, key_id: str, idempotency_key: str, status: int, body: str) -> None:
        with self._database.writing() as session:
            session.run(
                "UPDATE push_answers SET status = ?, body = ?"
                " WHERE key_id = ? AND idempotency_key = ?",
                (status, body, key_id, idempotency_key),
            )

    def forget_before(self, at_ms: int) -> None:
        with self._database.writing(durable=False) as session:
            session.run("DELETE FROM push_answers WHERE received_at_ms < ?", (at_ms,))
