"""What is nearest is found, among few and among many."""

import math
import random
from array import array

import pytest

from tailrace.context.matrix import EXACT_ROWS, VectorMatrix, packed
from tailrace.llm.embedding import Vector
from tailrace.stores.vectors import VectorRow

pytest.importorskip("numpy")

LENGTH = 70


def unit(source: random.Random) -> Vector:
    values = [source.gauss(0, 1) for _ in range(LENGTH)]
    norm = math.hypot(*values)
    return array("f", [value / norm for value in values])


def test_a_passage_is_as_near_as_the_nearest_of_its_parts() -> None:
    source = random.Random(1)
    parts = [[unit(source), unit(source)] for _ in range(50)]
    matrix = VectorMatrix(LENGTH)
    matrix.append([VectorRow(number + 1, packed(each)) for number, each in enumerate(parts)])
    query = unit(source)
    exact = {
        number + 1: max(sum(a * b for a, b in zip(query, part, strict=True)) for part in each)
        for number, each in enumerate(parts)
    }
    found = matrix.nearest(query, 5)
    assert [id_ for id_, _ in found] == sorted(exact, key=lambda id_: -exact[id_])[:5]
    assert all(cosine == pytest.approx(exact[id_], abs=0.01) for id_, cosine in found)
    assert {id_ for id_, _ in matrix.nearest(query, 9, [3, 4])} == {3, 4}
    assert matrix.nearest(query, 9, []) == []


def test_among_many_the_same_one_is_nearest_and_later_ones_count() -> None:
    source = random.Random(2)
    matrix = VectorMatrix(LENGTH)
    many = [source.randbytes(LENGTH) for _ in range(200)]
    scale = array("f", [0.001]).tobytes()
    data = b"".join(scale + each for each in many)
    for number in range(EXACT_ROWS // 200 + 2):
        matrix.append([VectorRow(number + 1, data)])
    wanted = unit(source)
    matrix.append([VectorRow(10_000, packed([wanted]))])
    matrix.append([VectorRow(10_001, b"of another length")])
    assert matrix.nearest(wanted, 1) == [(10_000, pytest.approx(1.0, abs=0.01))]
    assert (matrix.last_id, len(matrix.nearest(wanted, 3))) == (10_001, 3)
