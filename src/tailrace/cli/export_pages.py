"""Floor 7: what an export looks like to a person: names of files, Markdown, settings. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tailrace.events.event import JSON
from tailrace.settings import Settings
from tailrace.stores.conversations import Conversation, MessageRow

_NAME_CHARS: Final = 60
_NOT_SAID: Final = "(not exported)"
_KEYS: Final = ("api_keys", "llm_api_key")
_ADDRESSES: Final = ("llm_url", "package_index_url")

_INDEX: Final = """\
# Everything{whose} in Tailrace, {when}

Made by `tailrace export`, version {version}. This page came last: what it lists is all there.

- `conversations/`: {conversations}, each as Markdown to read, and as JSON
- `runs/`: {runs}, each as JSON; beside it, in `.jsonl`, its events, one a line, {events} in all. Of
  a run that ended long ago there is what its events amounted to, and its end
- `documents/`: {documents}, their text as it is searched; `index.json` says where each came from
- `settings.json`: how this home was set up, without keys
"""


class Counts(msgspec.Struct, kw_only=True):
    """How much of each was exported; `damaged` are runs that could be read in part only."""

    conversations: int = 0
    runs: int = 0
    events: int = 0
    documents: int = 0
    damaged: list[str] = []


def file_name(number: int, title: str, suffix: str) -> str:
    """A name that is one of its own, readable, and no path, whatever the title says."""
    words = re.sub(r"[^\w.]+", "-", title).strip("-.")[:_NAME_CHARS].rstrip("-.")
    return f"{number:05}{f'-{words}' if words else ''}{suffix}"


def conversation_page(conversation: Conversation, messages: Sequence[MessageRow]) -> str:
    """The conversation as Markdown."""
    parts = [f"# {conversation.title or f'Conversation {conversation.id}'}", ""]
    for message in messages:
        who = "Question" if message.role == "user" else "Answer"
        said = "" if message.role == "user" else f", {message.status.value}"
        parts += [f"## {who}, {_when(message.created_at)}{said}", "", message.content, ""]
        if message.error_message:
            parts += [f"> {message.error_message}", ""]
        sources = message.metadata.get("source")
        if isinstance(sources, list) and sources:
            parts += ["Sources:", "", *map(_source, sources), ""]
    return "\n".join(parts)


def index_page(
    at: datetime, version: str, owner: str, counts: Counts, pages: Sequence[tuple[str, str]]
) -> str:
    """The README of an export; `pages` are the conversations: title and file."""
    whose = f" of {owner}" if owner else ""
    parts = [
        _INDEX.format(
            whose=whose,
            when=_when(at),
            version=version,
            conversations=f"{counts.conversations:,}",
            runs=f"{counts.runs:,}",
            events=f"{counts.events:,}",
            documents=f"{counts.documents:,}",
        )
    ]
    if counts.damaged:
        parts += ["Damaged, and here only as far as they can be read:", ""]
        parts += [f"- run {run_id}" for run_id in counts.damaged] + [""]
    if pages:
        parts += ["## Conversations", ""]
        parts += [f"- [{_plain(title)}](conversations/{name})" for title, name in pages] + [""]
    return "\n".join(parts)


def settings_shown(settings: Settings) -> dict[str, JSON]:
    """The settings as JSON, without what is nobody else's business."""
    shown: dict[str, JSON] = msgspec.to_builtins(settings, enc_hook=str)
    for name in _KEYS:
        if shown[name]:
            shown[name] = _NOT_SAID
    for name in _ADDRESSES:
        shown[name] = _without_password(str(shown[name]))
    return shown


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def _source(source: JSON) -> str:
    if not isinstance(source, dict):
        return "-"
    snippet = " ".join(str(source.get("snippet", "")).split())
    return f"- {_plain(str(source.get('title', '')))}: {snippet}"


def _plain(text: str) -> str:
    return re.sub(r"([\[\]\\`*_<>])", r"\\\1", " ".join(text.split()))


def _when(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
