"""The contracts stand as the code says, and the tool notices when they do not."""

from pathlib import Path

import pytest

import contracts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    contracts.write(tmp_path)
    return tmp_path


def test_the_contracts_in_the_tree_are_what_the_code_says() -> None:
    assert contracts.drift(contracts.ROOT) == []


def test_what_was_written_has_not_drifted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contracts.main(["--check"], root) == 0
    assert capsys.readouterr().out == ""


def test_a_changed_contract_fails_the_check_with_a_diff_and_what_to_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = root / "stream_event.schema.json"
    schema.write_bytes(schema.read_bytes().replace(b'"title": "StreamEvent"', b'"title": "Evt"'))
    assert contracts.main(["--check"], root) == 1
    said = capsys.readouterr()
    assert '-  "title": "Evt",' in said.out
    assert '+  "title": "StreamEvent",' in said.out
    assert "python tools/contracts.py" in said.err


def test_a_missing_and_a_left_over_contract_fail_the_check(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "golden" / "seed" / "answer.sse").unlink()
    (root / "golden" / "seed" / "old.sse").write_bytes(b"")
    assert contracts.main(["--check"], root) == 1
    said = capsys.readouterr().out
    assert "contracts/golden/seed/answer.sse is missing" in said
    assert "contracts/golden/seed/old.sse is left over" in said


def test_writing_mends_what_drifted_and_leaves_the_rest_alone(root: Path) -> None:
    (root / "stream_event.schema.json").unlink()
    (root / "golden" / "native" / "old.sse").write_bytes(b"")
    (root / "sse").mkdir()
    (root / "sse" / "decode.json").write_bytes(b"{}")
    assert contracts.main([], root) == 0
    assert contracts.drift(root) == []
    assert (root / "sse" / "decode.json").read_bytes() == b"{}"
