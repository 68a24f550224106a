"""Which package index is asked: the one the person's installer uses."""

import os

import httpx2
import pytest

from tailrace.errors import InvalidRequestError
from tailrace.llm.package_index import IndexConfig, find_index, locate, parse_pip_settings, redacted
from tailrace.testing.file_server import FileServer, make_slices

BARE = {
    name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))
} | {"PIP_CONFIG_FILE": os.devnull}


def test_the_narrower_pip_setting_wins() -> None:
    listing = """
:env:.index-url='http://env/simple'
global.cert='/etc/ca.pem'
global.index-url='http://global/simple'
install.index-url='http://install/simple'
"""
    assert parse_pip_settings(listing) == {
        "index-url": "http://env/simple",
        "cert": "/etc/ca.pem",
    }


@pytest.mark.parametrize(
    ("chosen", "environ", "expected"),
    [
        ("http://chosen/simple", {"PIP_INDEX_URL": "http://pip/simple"}, "http://chosen/simple"),
        ("", {"PIP_INDEX_URL": "http://pip/simple"}, "http://pip/simple"),
        ("", {"UV_DEFAULT_INDEX": "http://uv/simple"}, "http://uv/simple"),
    ],
    ids=["our setting", "pip", "uv"],
)
async def test_the_configured_index_is_asked(
    chosen: str, environ: dict[str, str], expected: str
) -> None:
    assert (await find_index(chosen, BARE | environ)).urls == (expected,)


async def test_further_indexes_are_asked_after_it() -> None:
    environ = {
        "PIP_INDEX_URL": "http://a/simple",
        "PIP_EXTRA_INDEX_URL": "http://b file:///c http://d:x",
    }
    assert (await find_index("", BARE | environ)).urls == ("http://a/simple", "http://b")


async def test_without_configuration_the_installer_knows_its_index() -> None:
    (url,) = (await find_index("", BARE)).urls
    assert url.startswith("https://")
    assert url.endswith("/simple")


async def test_the_installers_certificates_and_proxy_are_used() -> None:
    environ = {"PIP_CERT": "/no/such.pem", "PIP_PROXY": "http://proxy:1"}
    index = await find_index("http://a/simple", BARE | environ)
    assert (index.certificates, index.proxy) == ("/no/such.pem", "http://proxy:1")
    with pytest.raises(InvalidRequestError, match=r"cannot be read: /no/such\.pem"):
        index.ssl_context()


def test_a_login_in_the_address_is_not_told() -> None:
    assert redacted("https://me:secret@host/simple?token=x") == "https://host/simple"
    assert IndexConfig(urls=()).ssl_context()


async def test_a_login_goes_to_the_index_only() -> None:
    ((piece, wheel),) = make_slices(b"model", slice_bytes=10)
    async with FileServer() as server, httpx2.AsyncClient() as client:
        path = server.add_wheel(piece, wheel)
        index = f"{server.url}/simple".replace("http://", "http://me:secret@")
        found = await locate(client, index, piece)
        assert found == httpx2.URL(f"{server.url}{path}".replace("//", "//me:secret@", 1))
        page = server.files[f"/simple/{piece.package}/"]
        page.body = page.body.replace(b"../..", b"http://elsewhere")
        assert await locate(client, index, piece) == httpx2.URL(f"http://elsewhere{path}")
