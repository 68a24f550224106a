"""Floor 2: which files are read, as what, and why others are not; a table, decided by the name."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Final


class DocumentKind(StrEnum):
    """What a document is read as."""

    TEXT = "text"
    MARKDOWN = "markdown"
    RESTRUCTUREDTEXT = "restructuredtext"
    HTML = "html"
    CODE = "code"
    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"
    JSON_LINES = "jsonl"
    MAIL = "mail"
    MAILBOX = "mailbox"
    EPUB = "epub"
    NOTEBOOK = "notebook"


PLAIN: Final = frozenset(
    {
        DocumentKind.TEXT,
        DocumentKind.MARKDOWN,
        DocumentKind.RESTRUCTUREDTEXT,
        DocumentKind.CODE,
    }
)
"""What is read with nothing but regular expressions whose time grows with the text."""

_SUFFIXES: Final[Mapping[DocumentKind, str]] = {
    DocumentKind.TEXT: "txt text log yaml yml toml ini cfg conf properties env tex bib org adoc"
    " asciidoc srt vtt ics vcf xml po diff patch",
    DocumentKind.MARKDOWN: "md markdown mdown mkd mdx qmd rmd",
    DocumentKind.RESTRUCTUREDTEXT: "rst rest",
    DocumentKind.HTML: "html htm xhtml",
    DocumentKind.CODE: "py pyi js mjs cjs jsx ts mts cts tsx vue svelte css scss less c h cc cpp"
    " cxx hpp hh m mm cs java kt kts scala groovy go rs rb php pl pm lua r jl swift dart ex exs erl"
    " hs ml clj lisp el sh bash zsh fish ps1 bat cmd sql graphql proto tf hcl nix cmake mk gradle"
    " dockerfile makefile sol zig nim f90 vb asm s",
    DocumentKind.PDF: "pdf",
    DocumentKind.DOCX: "docx",
    DocumentKind.PPTX: "pptx pptm ppsx",
    DocumentKind.XLSX: "xlsx xlsm",
    DocumentKind.CSV: "csv tsv",
    DocumentKind.JSON: "json",
    DocumentKind.JSON_LINES: "jsonl ndjson",
    DocumentKind.MAIL: "eml",
    DocumentKind.MAILBOX: "mbox",
    DocumentKind.EPUB: "epub",
    DocumentKind.NOTEBOOK: "ipynb",
}
_KINDS: Final = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}

_NEEDED: Final[Mapping[DocumentKind, tuple[str, str]]] = {
    DocumentKind.PDF: ("pypdfium2", "PDF files"),
    DocumentKind.DOCX: ("docx", "Word documents"),
    DocumentKind.PPTX: ("pptx", "PowerPoint presentations"),
    DocumentKind.XLSX: ("openpyxl", "Excel workbooks"),
}

_UNREAD: Final[Mapping[str, str]] = {
    "office documents of this kind": "doc docm dot dotx odt rtf xls xlsb ods ppt odp pages"
    " numbers key mobi azw azw3 msg pst",
    "images": "png jpg jpeg gif webp bmp tif tiff ico heic avif svg psd",
    "sound and video": "mp3 wav flac ogg m4a mp4 mov mkv avi webm",
    "archives": "zip tar gz tgz bz2 xz zst 7z rar jar whl iso dmg",
    "programs and libraries": "exe dll so dylib a o bin class pyc wasm",
    "databases": "db sqlite sqlite3 parquet feather mdb",
    "model files": "gguf safetensors onnx pt pth npy npz",
    "fonts": "ttf otf woff woff2",
}
_REASONS: Final = {
    suffix: f"{what} are not read" for what, names in _UNREAD.items() for suffix in names.split()
}


def kind_of(name: str) -> DocumentKind | None:
    """What a file of that name is read as; None where it is not read.

    A name without a suffix (`README`, `Makefile`) is taken for text until its bytes say otherwise.
    """
    path = PurePosixPath(name.lower())
    suffix = path.suffix.removeprefix(".")
    if not suffix:
        return _KINDS.get(path.name, DocumentKind.TEXT)
    return _KINDS.get(suffix)


def why_not_read(name: str) -> str:
    """Why a file of that name is not even opened, for people; "" where it is."""
    kind = kind_of(name)
    if kind is not None:
        return _why_missing(kind)
    suffix = PurePosixPath(name.lower()).suffix.removeprefix(".")
    return _REASONS.get(suffix, f"files of the type .{suffix[:20]} are not read")


@cache
def _why_missing(kind: DocumentKind) -> str:
    """Which library has to be installed for it; "" where none has."""
    module, what = _NEEDED.get(kind, ("", ""))
    if not module or find_spec(module) is not None:
        return ""
    return f"{what} need the `formats` extra: pip install 'tailrace[formats]'"
