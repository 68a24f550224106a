"""Floor 7: the kit a store of documents has to pass, ours or anybody's.

Call each of `CHECKS` with an open, empty `DocumentStore`; a check raises AssertionError.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from tailrace.errors import NotFoundError, RevisionTrimmedError
from tailrace.stores.documents import (
    DocumentOrigin,
    DocumentRow,
    DocumentStatus,
    DocumentStore,
    NewChunk,
    NewDocument,
    Touch,
    Within,
)

NOW: Final = datetime(2026, 3, 4, 19, 0, tzinfo=UTC)
LATER: Final = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)


def new_document(source: str, text: str, *, owner: str = "") -> NewDocument:
    """A searchable document, as if it were read from a folder."""
    return NewDocument(
        owner=owner,
        source=source,
        title=source.rsplit("/", maxsplit=1)[-1],
        kind="text",
        size_bytes=len(text.encode()),
        mtime_ns=1,
        sha256="",
        text=text,
        origin=DocumentOrigin.FOLDER,
    )


def line_chunks(text: str) -> list[NewChunk]:
    """A chunk for each line of `text`."""
    chunks: list[NewChunk] = []
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line.rstrip("\n"))
        chunks.append(NewChunk(heading="", char_start=start, char_end=end, text=text[start:end]))
        start += len(line)
    return chunks


async def put(store: DocumentStore, source: str, text: str, *, owner: str = "") -> DocumentRow:
    """Keep such a document, a chunk for each of its lines."""
    return await store.put(new_document(source, text, owner=owner), line_chunks(text), NOW)


async def found(store: DocumentStore, *terms: str, owner: str = "") -> list[str]:
    """The texts found for `terms`, best first."""
    return [hit.text for hit in await store.search(owner, terms, limit=10)]


async def a_document_comes_back_as_it_was_put(store: DocumentStore) -> None:
    """Its row, its text, and any part of its text."""
    row = await put(store, "/notes/a.txt", "The key is under the ☂ mat.\nThe cat is 🐈 out.")
    assert row.revision == 1
    assert (row.char_count, row.chunk_count) == (45, 2)
    assert row.created_at == NOW
    assert await store.get(row.id, "") == row
    assert await store.text(row.id, "") == "The key is under the ☂ mat.\nThe cat is 🐈 out."
    assert await store.text(row.id, "", 17, 22) == "the ☂"[:5]
    assert await store.text(row.id, "", 39) == "🐈 out."
    assert await store.text(row.id, "", 900, 950) == ""
    assert await store.excerpt(row.id, "", 17, 22) == (row, "the ☂")
    assert await store.excerpt(row.id, "", 39, 900) == (row, "🐈 out.")
    assert await store.excerpt(row.id, "", 900, 950) == (row, "")


async def a_hit_is_a_slice_of_its_document(store: DocumentStore) -> None:
    """And words are found in whatever form they stand."""
    row = await put(store, "/a", "First 🐈 line.\nBoilers were pressurised.\nThird.")
    [hit] = await store.search("", ["boiler", "pressurising"], limit=10)
    assert (hit.document_id, hit.revision, hit.ordinal) == (row.id, 1, 1)
    assert await store.text(row.id, "", hit.char_start, hit.char_end) == hit.text
    assert hit.text == "Boilers were pressurised."


async def a_document_put_again_is_its_next_revision(store: DocumentStore) -> None:
    """Nothing of the revision before is found."""
    first = await put(store, "/a", "alpha\nbeta")
    document = new_document("/a", "gamma")
    second = await store.put(document, line_chunks("gamma"), LATER)
    assert (second.id, second.revision, second.chunk_count) == (first.id, 2, 1)
    assert (second.created_at, second.updated_at) == (NOW, LATER)
    assert await found(store, "alpha", "beta") == []
    assert await found(store, "gamma") == ["gamma"]


async def a_replaced_text_is_kept_for_what_cites_it(store: DocumentStore) -> None:
    """It is read by its revision, is not found, and is gone with its document."""
    await put(store, "/a", "alpha ☂ beta")
    row = await put(store, "/a", "gamma")
    old = msgspec.structs.replace(row, revision=1, char_count=12)
    assert await store.excerpt(row.id, "", 6, 7, 1) == (old, "☂")
    assert await store.excerpt(row.id, "", 0, 99, revision=2) == (row, "gamma")
    assert await found(store, "alpha") == []
    gone = new_document("/a", "")
    failed = msgspec.structs.replace(gone, status=DocumentStatus.FAILED, reason="it is broken")
    assert (await store.put(failed, [], LATER)).revision == 3
    assert (await store.excerpt(row.id, "", 0, 5, 2))[1] == "gamma"
    assert (await store.excerpt(row.id, "", 0, 5, 3))[1] == ""
    for owner, revision in (("", 0), ("", 4), ("jonas", 1)):
        assert await _raises_not_found(store.excerpt(row.id, owner, 0, 5, revision))
    assert await store.sweep() == 0
    await store.delete(row.id, "")
    assert await _raises_not_found(store.excerpt(row.id, "", 0, 5, 1))


async def very_old_texts_are_let_go_of(store: DocumentStore) -> None:
    """What is let go of is said to be gone, and the newest of them stay.

    Raises:
        AssertionError: all are kept.
    """
    many = 60
    row = await put(store, "/a", "text 1")
    for number in range(2, many + 1):
        row = await put(store, "/a", f"text {number}")
    kept = await store.excerpt(row.id, "", 0, 99, many - 1)
    assert kept[1] == f"text {many - 1}"
    try:
        await store.excerpt(row.id, "", 0, 99, 1)
    except RevisionTrimmedError:
        return
    msg = "every revision there ever was is kept, so that a store grows with each edit"
    raise AssertionError(msg)


async def a_large_document_is_searchable_to_its_last_chunk(store: DocumentStore) -> None:
    """And gone to the last one, once it is replaced or deleted."""
    lines = [f"line number{n} word" for n in range(1_000)]
    row = await put(store, "/large", "\n".join(lines))
    assert row.chunk_count == 1_000
    assert await found(store, "number0") == [lines[0]]
    assert await found(store, "number999") == [lines[999]]
    await put(store, "/large", "small")
    assert await found(store, "word") == []
    await store.delete(row.id, "")
    assert await found(store, "small") == []
    assert await store.sweep() == 0


async def nobody_finds_what_is_somebody_elses(store: DocumentStore) -> None:
    """Neither by its id, nor by its words, nor in a list."""
    mine = await put(store, "/a", "secret", owner="mira")
    for attempt in (
        store.get(mine.id, "jonas"),
        store.text(mine.id, "jonas"),
        store.excerpt(mine.id, "jonas", 0, 9),
        store.delete(mine.id, "jonas"),
    ):
        assert await _raises_not_found(attempt)
    assert await found(store, "secret", owner="jonas") == []
    assert await store.list_documents("jonas", limit=10, offset=0) == ([], 0)
    assert (await store.term_statistics("jonas", ["secret"], [])).frequency == {"secret": 0}
    theirs = await put(store, "/a", "other", owner="jonas")
    assert theirs.id != mine.id
    assert await found(store, "secret", owner="mira") == ["secret"]


async def many_better_hits_of_another_owner_hide_none(store: DocumentStore) -> None:
    """What one may see is found, however much more there is that one may not."""
    await put(store, "/theirs", "\n".join(["boiler boiler"] * 300), owner="jonas")
    await put(store, "/mine", "a boiler among many other words in a line", owner="mira")
    assert len(await found(store, "boiler", owner="mira")) == 1


async def a_list_is_paged_and_counts_them_all(store: DocumentStore) -> None:
    """In the order they came; a page past the end is empty and counts them all the same."""
    rows = [await put(store, f"/{n}", "text") for n in range(5)]
    skipped = NewDocument(
        owner="", source="/p.png", title="p.png", kind="", size_bytes=1, mtime_ns=1, sha256="",
        text="", status=DocumentStatus.SKIPPED, reason="images are not read",
        origin=DocumentOrigin.FOLDER,
    )  # fmt: skip
    rows.append(await store.put(skipped, [], NOW))
    assert await store.list_documents("", limit=2, offset=3) == (rows[3:5], 6)
    assert await store.list_documents("", limit=2, offset=9) == ([], 6)
    status = DocumentStatus.SKIPPED
    assert await store.list_documents("", limit=9, offset=0, status=status) == (rows[5:], 1)


async def notes_are_listed_by_themselves_and_newest_first(store: DocumentStore) -> None:
    """With what their author says of them."""
    await put(store, "/a", "text")
    notes = [
        await store.put(
            msgspec.structs.replace(
                new_document(f"vault:{n}", "☂"),
                origin=DocumentOrigin.VAULT,
                summary="about rain",
                tags="weather, rain",
                document_type="Note",
            ),
            [],
            NOW,
        )
        for n in range(3)
    ]
    said = {(n.summary, n.tags, n.document_type, n.char_count, n.chunk_count) for n in notes}
    assert said == {("about rain", "weather, rain", "Note", 1, 0)}
    vault = DocumentOrigin.VAULT
    listed = await store.list_documents("", limit=2, offset=0, origin=vault, newest_first=True)
    assert listed == ([notes[2], notes[1]], 3)
    assert (await store.get(notes[0].id, "")) == notes[0]


async def a_next_revision_needs_one_before_it(store: DocumentStore) -> None:
    """Else nothing of it is kept, however large it is; another owner's is none."""
    large = "\n".join(f"line number{n} alpha" for n in range(1_000))
    await put(store, "/b", "beta", owner="jonas")
    for source, text in (("/a", "alpha"), ("/a", large), ("/b", "alpha")):
        attempt = store.put(new_document(source, text), line_chunks(text), NOW, only_next=True)
        assert await _raises_not_found(attempt)
    assert await found(store, "alpha") == []
    assert await store.list_documents("", limit=10, offset=0) == ([], 0)
    assert await store.sweep() == 0
    await put(store, "/a", "gamma")
    document = new_document("/a", "alpha")
    row = await store.put(document, line_chunks("alpha"), LATER, only_next=True)
    assert (row.revision, await found(store, "alpha", "gamma")) == (2, ["alpha"])


async def a_term_is_never_syntax(store: DocumentStore) -> None:
    """Quotes, operators and brackets are looked for, not obeyed."""
    await put(store, "/a", "alpha beta")
    for term in (
        '"',
        '""',
        "alpha OR",
        "NOT",
        "alpha*",
        "heading:",
        "(",
        "^",
        "{",
        "-",
        "a\0b",
        "",
    ):
        await store.search("", [term, "zeta"], limit=3)
    assert await found(store, '"alpha"') == ["alpha beta"]
    assert await found(store, "alpha beta") == ["alpha beta"]
    assert await found(store, "beta alpha") == []
    assert await found(store) == []


async def chinese_is_found_by_a_pair_of_its_characters(store: DocumentStore) -> None:
    """Within a sentence without spaces."""
    await put(store, "/a", "锅炉的压力应在一点二巴以上。\n火车七点出发。")
    assert await found(store, "压力") == ["锅炉的压力应在一点二巴以上。"]
    assert await found(store, "力压") == []


async def statistics_tell_how_common_a_term_is_and_where_it_stands(store: DocumentStore) -> None:
    """Compared as the search compares."""
    row = await put(store, "/a", "boilers hum\nthe boiler is cold\ncats")
    hits = await store.search("", ["boiler", "cats"], limit=10)
    statistics = await store.term_statistics("", ["boiling", "boiler", "cat"], [hits[0].chunk_id])
    assert statistics.chunk_count == row.chunk_count
    assert statistics.frequency == {"boiling": 0, "boiler": 2, "cat": 1}
    in_first = {term for term, ids in statistics.found_in.items() if hits[0].chunk_id in ids}
    assert in_first == ({"cat"} if hits[0].text == "cats" else {"boiler"})


async def a_search_may_be_held_to_some_documents(store: DocumentStore) -> None:
    """None of them: none are found."""
    first = await put(store, "/a", "alpha one")
    await put(store, "/b", "alpha two")
    hits = await store.search("", ["alpha"], limit=10, within=Within(document_ids=(first.id,)))
    assert [hit.text for hit in hits] == ["alpha one"]
    assert await store.search("", ["alpha"], limit=10, within=Within(document_ids=())) == []


async def a_search_may_be_held_to_kinds_origins_and_moments(store: DocumentStore) -> None:
    """A file counts by its own date, anything else by when it was put."""
    code = msgspec.structs.replace(new_document("/a", "alpha code"), kind="code", mtime_ns=None)
    await store.put(code, line_chunks("alpha code"), LATER)
    note = msgspec.structs.replace(new_document("/b", "alpha note"), origin=DocumentOrigin.VAULT)
    await store.put(note, line_chunks("alpha note"), LATER)  # its file is of 1970

    async def within(held: Within) -> list[str]:
        return [hit.text for hit in await store.search("", ["alpha"], limit=9, within=held)]

    assert await within(Within(kinds=("code",))) == ["alpha code"]
    assert await within(Within(origins=(DocumentOrigin.VAULT,))) == ["alpha note"]
    assert await within(Within(changed_after=LATER)) == ["alpha code"]
    assert await within(Within(changed_before=LATER)) == ["alpha note"]
    assert await within(Within(kinds=(), changed_after=NOW)) == []


async def neighbours_stand_around_a_passage(store: DocumentStore) -> None:
    """In their order, of the newest revision alone, and of nobody else's."""
    row = await put(store, "/a", "one\ntwo\nthree\nfour")

    async def around(revision: int, owner: str, count: int) -> list[str]:
        hits = await store.neighbours(row.id, revision, owner, 4, 7, count=count)
        return [hit.text for hit in hits]

    assert await around(1, "", 1) == ["one", "three"]
    assert await around(1, "", 9) == ["one", "three", "four"]
    assert await around(1, "", 0) == []
    assert await around(2, "", 1) == []
    assert await around(1, "jonas", 1) == []


async def a_forgotten_folder_takes_its_documents_along(store: DocumentStore) -> None:
    """But for what lies in another folder, or only begins like it."""
    for folder in ("/files/notes", "/files/notes/kept"):
        await store.add_folder("", folder, NOW)
    sources = ("/files/notes/a", "/files/notes/kept/b", "/files/notes2/c")
    for source in sources:
        await put(store, source, "alpha")
    assert await store.forget_folder("", "/files/notes") == 1
    rows, _ = await store.list_documents("", limit=10, offset=0)
    assert [row.source for row in rows] == ["/files/notes/kept/b", "/files/notes2/c"]
    assert await store.folders("") == ["/files/notes/kept"]


async def a_signature_is_what_was_put_and_touched(store: DocumentStore) -> None:
    """For the documents at or below a path."""
    row = await put(store, "/home/a", "alpha")
    await put(store, "/other", "alpha")
    await store.touch("", [Touch(row.id, 77), Touch(999_999, 1)])
    await store.touch("somebody", [Touch(row.id, 78)])
    [signature] = await store.signatures("", "/home")
    assert (signature.source, signature.size_bytes, signature.mtime_ns) == ("/home/a", 5, 77)
    assert [each.source for each in await store.signatures("", "/")] == ["/home/a", "/other"]


async def an_excluded_source_is_wanted_again_once_its_folder_is_added(store: DocumentStore) -> None:
    """Until then it stays excluded."""
    row = await put(store, "/home/a", "alpha")
    await store.delete(row.id, "", exclude=True)
    assert await store.exclusions("", "/home") == frozenset({"/home/a"})
    await store.add_folder("", "/home", NOW)
    assert await store.exclusions("", "/home") == frozenset()


async def samples_are_settled_once_and_for_each_owner(store: DocumentStore) -> None:
    """Twice does no harm."""
    assert not await store.samples_settled("mira")
    await store.settle_samples("mira", NOW)
    await store.settle_samples("mira", LATER)
    assert await store.samples_settled("mira")
    assert not await store.samples_settled("jonas")


async def _raises_not_found(attempt: Awaitable[object]) -> bool:
    try:
        await attempt
    except NotFoundError:
        return True
    return False


CHECKS: Final[tuple[Callable[[DocumentStore], Awaitable[None]], ...]] = (
    a_document_comes_back_as_it_was_put,
    a_hit_is_a_slice_of_its_document,
    a_document_put_again_is_its_next_revision,
    a_replaced_text_is_kept_for_what_cites_it,
    very_old_texts_are_let_go_of,
    a_large_document_is_searchable_to_its_last_chunk,
    nobody_finds_what_is_somebody_elses,
    many_better_hits_of_another_owner_hide_none,
    a_list_is_paged_and_counts_them_all,
    notes_are_listed_by_themselves_and_newest_first,
    a_next_revision_needs_one_before_it,
    a_term_is_never_syntax,
    chinese_is_found_by_a_pair_of_its_characters,
    statistics_tell_how_common_a_term_is_and_where_it_stands,
    a_search_may_be_held_to_some_documents,
    a_search_may_be_held_to_kinds_origins_and_moments,
    neighbours_stand_around_a_passage,
    a_forgotten_folder_takes_its_documents_along,
    a_signature_is_what_was_put_and_touched,
    an_excluded_source_is_wanted_again_once_its_folder_is_added,
    samples_are_settled_once_and_for_each_owner,
)
