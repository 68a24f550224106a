"""Floor 1: SqliteVectors, what finishes passages and keeps their vectors in one SQLite file."""

import json
from collections.abc import Sequence
from typing import Final

import apsw

from tailrace.stores.documents import EVERYWHERE, Within
from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.finishing import finish_pieces, merge_parts
from tailrace.stores.sqlite.fulltext import HIT_COLUMNS, hit_of
from tailrace.stores.sqlite.rows import one, rows
from tailrace.stores.sqlite.within import predicate
from tailrace.stores.vectors import Covered, Unembedded, VectorHit, VectorRow

_PIECES_A_WRITE: Final = 8
_DELETES_A_WRITE: Final = 500

_MODEL: Final = "(SELECT id FROM embedding_models WHERE name = ?)"
_WITHOUT: Final = (  # in the order of the index: the newest first
    "SELECT c.sha256, c.heading, c.text FROM chunks AS c JOIN documents AS d"  # noqa: S608 - constants of ours
    " ON d.text_id = c.text_id WHERE c.sha256 IS NOT NULL AND NOT EXISTS"
    f" (SELECT 1 FROM vectors AS v WHERE v.sha256 = c.sha256 AND v.model = {_MODEL})"
    " ORDER BY c.id DESC LIMIT ?"
)
_AFTER: Final = (
    f"SELECT id, data FROM vectors WHERE model = {_MODEL} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - a constant of ours
)
_OF_VECTORS: Final = (
    "FROM vectors AS v JOIN chunks AS c ON c.sha256 = v.sha256"
    " JOIN documents AS d ON d.text_id = c.text_id"
)
_IDS_OF: Final = (
    f"SELECT c.id, v.id FROM chunks AS c JOIN vectors AS v ON v.sha256 = c.sha256"  # noqa: S608 - a constant of ours
    f" AND v.model = {_MODEL} WHERE c.id IN (SELECT value FROM json_each(?))"
)
_OF_FEW: Final = (  # in this order: left alone, SQLite begins with all documents of the owner
    "FROM vectors AS v CROSS JOIN chunks AS c ON c.sha256 = v.sha256"
    " CROSS JOIN documents AS d ON d.text_id = c.text_id"
)
_PIECES: Final = (
    "SELECT coalesce(sum(chunk_count), 0) FROM documents WHERE owner = ? AND text_id IS NOT NULL"
)
_EMBEDDED: Final = f"SELECT count(*) {_OF_VECTORS} WHERE v.model = {_MODEL} AND d.owner = ?"
_KEEP: Final = (  # unless the passage went away while its vector was made
    "INSERT OR IGNORE INTO vectors (model, data, sha256)"  # noqa: S608 - a constant of ours
    f" SELECT {_MODEL}, ?, ? WHERE EXISTS (SELECT 1 FROM chunks WHERE sha256 = ?)"
)
_ANY_OTHER: Final = (
    "SELECT 1 FROM vectors AS v JOIN embedding_models AS m ON m.id = v.model WHERE m.name <> ?"
    " LIMIT 1"
)
_OTHERS: Final = (
    "DELETE FROM vectors WHERE id IN"
    " (SELECT v.id FROM vectors AS v JOIN embedding_models AS m ON m.id = v.model"
    " WHERE m.name <> ? LIMIT ?)"
)


class SqliteVectors:
    """A `VectorStore` over a `Database` whose migrations have run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def finish(self) -> int:
        """Make a few passages findable by parts of words, the newest first; how many they were."""
        return await self._database.write(lambda c: finish_pieces(c, _PIECES_A_WRITE))

    async def tidy(self) -> bool:
        """Do a little of the work that keeps searching quick; whether there was any."""
        return await self._database.write(merge_parts)

    async def unembedded(self, model: str, limit: int) -> list[Unembedded]:
        """Up to `limit` passages' words without a vector of `model`, newest first, each once."""
        found = await self._database.read(lambda c: rows(c, _WITHOUT, (model, limit)))
        return [*{row[0]: Unembedded(*row) for row in found}.values()]

    async def keep(
        self, model: str, dimensions: int, vectors: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """Keep vectors, each with the hash of its words; those that have one keep theirs."""

        def write(connection: apsw.Connection) -> None:
            rows(
                connection,
                "INSERT OR IGNORE INTO embedding_models (name, dimensions) VALUES (?, ?)",
                (model, dimensions),
            )
            for sha256, data in vectors:
                rows(connection, _KEEP, (model, data, sha256, sha256))

        await self._database.write(write)

    async def vectors_after(self, model: str, after: int, limit: int) -> list[VectorRow]:
        """Up to `limit` vectors of `model` with an id above `after`, in the order of their ids."""
        found = await self._database.read(lambda c: rows(c, _AFTER, (model, after, limit)))
        return [VectorRow(*row) for row in found]

    async def dimensions(self, model: str) -> int | None:
        """The length of the vectors of `model`; None where there are none."""
        sql = "SELECT dimensions FROM embedding_models WHERE name = ?"
        row = await self._database.read(lambda c: one(c, sql, (model,)))
        return None if row is None else row[0]

    async def ids_of(self, chunk_ids: Sequence[int], model: str) -> dict[int, int]:
        """For those of these passages that have one, the id of their vectors of `model`."""
        asked = (model, json.dumps([*chunk_ids]))
        return dict(await self._database.read(lambda c: rows(c, _IDS_OF, asked)))

    async def count(self, model: str) -> int:
        """How many vectors of `model` there are."""
        sql = f"SELECT count(*) FROM vectors WHERE model = {_MODEL}"  # noqa: S608 - a constant of ours
        return await self._database.read(lambda c: rows(c, sql, (model,))[0][0])

    async def hits(
        self, owner: str, vector_ids: Sequence[int], within: Within = EVERYWHERE
    ) -> list[VectorHit]:
        """The owner's passages with one of these vectors, in no order."""
        where, wanted = predicate(owner, within)
        sql = (
            f"SELECT v.id, {HIT_COLUMNS}, 0.0 {_OF_FEW}"  # noqa: S608 - constants of ours
            f" WHERE v.id IN (SELECT value FROM json_each(?)) AND {where}"
        )
        asked = (json.dumps([*vector_ids]), *wanted)
        found = await self._database.read(lambda c: rows(c, sql, asked))
        return [VectorHit(row[0], hit_of(row[1:])) for row in found]

    async def ids_within(self, owner: str, model: str, within: Within = EVERYWHERE) -> list[int]:
        """The ids of the vectors of `model` that the owner's passages have."""
        where, wanted = predicate(owner, within)
        sql = f"SELECT DISTINCT v.id {_OF_VECTORS} WHERE v.model = {_MODEL} AND {where}"
        found = await self._database.read(lambda c: rows(c, sql, (model, *wanted)))
        return [row[0] for row in found]

    async def covered(self, owner: str, model: str) -> Covered:
        """How many passages the owner has, and how many have a vector of `model`."""
        return await self._database.read(
            lambda c: Covered(
                rows(c, _PIECES, (owner,))[0][0], rows(c, _EMBEDDED, (model, owner))[0][0]
            )
        )

    async def forget_others(self, model: str) -> bool:
        """Remove some vectors of other models; whether none is left."""

        def write(connection: apsw.Connection) -> bool:
            rows(connection, _OTHERS, (model, _DELETES_A_WRITE))
            return connection.changes() < _DELETES_A_WRITE

        if await self._database.read(lambda c: one(c, _ANY_OTHER, (model,))) is None:
            return True
        return await self._database.write(write)
