"""Floor 2: which files are read, as what, and why others are not; a table, decided by the name."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final


class DocumentKind(StrEnum):
    """What a document is read as."""

    TEXT = "text"
    MARKDOWN = "markdown"
    RESTRUCTUREDTEXT = "restructuredtext"
    HTML = "html"
    CODE = "code"


_SUFFIXES: Final[Mapping[DocumentKind, str]] = {
    DocumentKind.TEXT: "txt text log csv tsv json jsonl ndjson yaml yml toml ini cfg conf"
    " properties env tex bib org adoc asciidoc srt vtt ics vcf eml xml po diff patch",
    DocumentKind.MARKDOWN: "md markdown mdown mkd mdx qmd rmd",
    DocumentKind.RESTRUCTUREDTEXT: "rst rest",
    DocumentKind.HTML: "html htm xhtml",
    DocumentKind.CODE: "py pyi js mjs cjs jsx ts mts cts tsx vue svelte css scss less c h cc cpp"
    " cxx hpp hh m mm cs java kt kts scala groovy go rs rb php pl pm lua r jl swift dart ex exs erl"
    " hs ml clj lisp el sh bash zsh fish ps1 bat cmd sql graphql proto tf hcl nix cmake mk gradle"
    " dockerfile makefile sol zig nim f90 vb asm s",
}
_KINDS: Final = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}

_UNREAD: Final[Mapping[str, str]] = {
    "PDF files": "pdf",
    "office documents": "doc docx odt rtf xls xlsx ods ppt pptx odp pages numbers key epub mobi",
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
    """For a name that `kind_of` knows nothing for: the reason, for people."""
    suffix = PurePosixPath(name.lower()).suffix.removeprefix(".")
    return _REASONS.get(suffix, f"files of the type .{suffix[:20]} are not read")
