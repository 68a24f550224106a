"""check_sizes: what counts as a line, and where the limits are."""

from pathlib import Path

import check_sizes


def function(body_lines: int, docstring: str = "") -> str:
    return "\n".join(["def f():", *([docstring] if docstring else []), *["    x = 1"] * body_lines])


def test_a_function_of_sixty_lines_passes_and_one_more_does_not() -> None:
    assert list(check_sizes.too_long(function(59))) == []
    assert list(check_sizes.too_long(function(60))) == [
        (1, "f has 61 lines; a function has 60 at most")
    ]


def test_a_docstring_does_not_count() -> None:
    docstring = '    """First.\n\n    More.\n    """'
    assert list(check_sizes.too_long(function(59, docstring))) == []


def test_a_decorator_does_not_count_but_what_is_nested_does() -> None:
    decorated = "@property\n" + function(59)
    nested = "async def outer():\n    " + function(59).replace("\n", "\n    ")
    assert list(check_sizes.too_long(decorated)) == []
    assert list(check_sizes.too_long(nested)) == [
        (1, "outer has 61 lines; a function has 60 at most")
    ]


def test_a_file_of_four_hundred_lines_passes_and_one_more_does_not() -> None:
    assert list(check_sizes.too_long("x = 1\n" * 400)) == []
    assert list(check_sizes.too_long("x = 1\n" * 401)) == [(1, "401 lines; a file has 400 at most")]


def test_scripts_and_styles_have_the_same_limit_but_what_is_generated_has_none(
    tmp_path: Path,
) -> None:
    long = "x\n" * 401
    for name in ("page.css", "page.js", "events.generated.ts", "node_modules/theirs.js"):
        path = tmp_path / "frontend" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(long, encoding="utf-8")
    assert check_sizes.complaints(tmp_path) == [
        "frontend/page.css:1: 401 lines; a file has 400 at most",
        "frontend/page.js:1: 401 lines; a file has 400 at most",
    ]
