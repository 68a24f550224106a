"""`tailrace backup` and `tailrace restore`, while a server is at work and while none is."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Tailrace


async def test_a_backup_beside_a_server_brings_back_what_was_removed(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    copy = str(tmp_path / "copy.db")
    (tmp_path / "plan.md").write_text("The budget is 40,000 euros.")
    async with tailrace.serving():
        await tailrace("docs", "add", str(tmp_path / "plan.md"))
        made = await tailrace("backup", copy)
        again = await tailrace("backup", copy)
        refused = await tailrace("restore", copy)
        await tailrace("docs", "remove", str(tmp_path / "plan.md"))
    restored = await tailrace("restore", copy)
    listed = await tailrace("docs", "list")
    assert (made.code, made.err) == (0, "")
    assert "as they were written" in made.out
    assert (again.code, again.out) == (1, "")
    assert "already" in again.err
    assert refused.code == 1
    assert "a server already runs" in refused.err
    assert (restored.code, restored.out) == (
        0,
        f"{tailrace.home} is as it was when {copy} was made.\n",
    )
    assert "tailrace.before-restore-" in restored.err
    assert "plan" in listed.out


async def test_a_file_that_is_no_backup_is_refused_in_a_line(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("no database at all")
    done = await tailrace("restore", str(tmp_path / "text.db"))
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("text.db is no copy of a home, or is damaged\n")
    assert not (tailrace.home / "tailrace.db").exists()
