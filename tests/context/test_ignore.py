"""A folder's ignore files leave out what git would leave out, and nothing outside is opened."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from tailrace.context.ignore import NAMES, Ignored
from tailrace.context.ingest import Ingest
from tailrace.context.walk import MAX_DEPTH, walk

PATTERNS = (
    *("*.log", "!keep.log", "build/", "/top", "a/b", "a/**", "**/x", "a/**/z", "**/", "*", "!*/"),
    *("!*.md", "foo*", "*a*b", "[ab]x", "[!a]y", "[a-c]*", "\\!neg", "\\#h", "# c", "x ", "x\\ "),
    *("dir/*", "!dir/k", "**", "**/b/*.md", "a?c", "/a/*/c", "[]]q", "[[:digit:]]d", "a\\", "[z"),
    *("a//b", "/", "**foo", "fo**o", "a/**b", "!", "[a-]", "[\\]]", "x/", "*/y", "?", "a*b*c"),
)
WORDS = (
    *("a", "b", "c", "x", "y", "z", "top", "foo", "foobar", "keep.log", "m.log", "k.md", "!neg"),
    *("#h", "x ", "ax", "bx", "cy", "1d", "]q", "build", "dir", "k", "abc", "a-c", "axbxc"),
)


def names(folder: Path) -> list[str]:
    return [Path(file.source).relative_to(folder).as_posix() for file in walk(folder).files]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def grow(folder: Path, chance: random.Random) -> None:
    """A tree of files whose names are those that the patterns are about."""
    for _ in range(40):
        parts = [chance.choice(WORDS) for _ in range(chance.randint(1, 4))]
        path = folder.joinpath(*parts)
        if any(each.is_file() for each in path.parents) or path.exists():
            continue
        write(folder, {"/".join(parts): "x"})
    folders = [folder, *(each for each in sorted(folder.rglob("*")) if each.is_dir())]
    for each in {folder, *chance.sample(folders, min(3, len(folders)))}:
        lines = [chance.choice(PATTERNS) for _ in range(chance.randint(1, 5))]
        write(each, {".gitignore": "\n".join(lines) + "\n"})


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_out_is_what_git_leaves_out(folder: Path, seed: int) -> None:
    grow(folder, random.Random(seed))
    git = ["git", "-C", os.fspath(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    theirs = subprocess.run(
        [*git, "ls-files", "-z", "--others", "--exclude-standard"], check=True, capture_output=True
    )
    listed = [name for name in theirs.stdout.decode().split("\0") if name]
    assert sorted(names(folder)) == sorted(n for n in listed if not n.endswith(".gitignore"))


def test_ours_comes_before_ignore_and_that_before_gitignore(folder: Path) -> None:
    files = dict.fromkeys(("a.txt", "b.txt", "c.txt", "sub/a.txt", "sub/d.txt"), "x")
    rules = {".gitignore": "*.txt\n", ".ignore": "!b.txt\n!sub/\n", ".tailraceignore": "!a.txt\n"}
    write(folder, {**files, **rules, "sub/.gitignore": "!d.txt\n"})
    assert names(folder) == ["a.txt", "b.txt", "sub/a.txt", "sub/d.txt"]


async def test_a_change_of_an_ignore_file_is_noticed_by_the_next_scan(
    ingest: Ingest, folder: Path
) -> None:
    write(folder, {"a.txt": "alpha", "drafts/b.txt": "beta", "drafts/c.txt": "gamma"})
    assert (await ingest.add_path(folder)).added == 3
    write(folder, {".tailraceignore": "drafts/\n"})
    report = await ingest.rescan()
    assert (report.removed, report.unchanged) == (2, 1)
    write(folder, {".tailraceignore": "drafts/*\n!drafts/c.txt\n"})
    assert (await ingest.rescan()).added == 1


def test_an_ignore_file_that_is_a_link_a_pipe_or_huge_is_not_used(
    folder: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"outside": "*\n"})
    write(folder, {"a/x.txt": "x", "b/x.txt": "x", "c/x.txt": "x", "c/.gitignore": "*\n" * 40_000})
    (folder / "a" / ".gitignore").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "b" / ".gitignore")
    found = walk(folder)
    assert [Path(file.source).parent.name for file in found.files] == ["a", "b", "c"]
    cannot = "it cannot be read; it leaves nothing out"
    huge = "it is larger than 64 KiB; it leaves nothing out"
    assert [reason for _, reason in found.skipped] == [cannot, cannot, huge]


def test_a_pattern_made_to_search_for_ever_does_not() -> None:
    pattern = "*a" * 100 + "b\n" + "**/a/" * 2 + "*" * 200 + "b\n"
    ignored = Ignored().within("/r", [pattern, *[""] * (len(NAMES) - 1)])
    name = "a" * 250
    assert not ignored.leaves_out(f"/r/{'a/' * 100}{name}", name, is_folder=False)


def test_folders_have_a_deepest_one(folder: Path) -> None:
    deepest = folder.joinpath(*["d"] * (MAX_DEPTH + 1))
    deepest.mkdir(parents=True)
    (deepest / "a.txt").touch()
    (deepest.parent / "b.txt").touch()
    found = walk(folder)
    assert [Path(file.source).name for file in found.files] == ["b.txt"]
    reason = f"it is nested deeper than {MAX_DEPTH} folders"
    assert found.skipped == [(deepest.as_posix(), reason)]
