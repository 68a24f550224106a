"""Floor 7: `tailrace eval`: how good the search is, on a set of questions with known answers.

Rule: it works in a home of its own, which is gone afterwards; nobody's documents are touched.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from tailrace._clock import SYSTEM_CLOCK
from tailrace.cli.exits import Exit
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave, run
from tailrace.context.evaluation.measure import Abstention, Figures
from tailrace.context.evaluation.running import Evaluation, Evaluator
from tailrace.context.evaluation.sets import EvaluationSet, read_set
from tailrace.context.indexer import VectorIndexer
from tailrace.context.matrix import is_possible
from tailrace.context.meaning import Meaning
from tailrace.context.search import ContextIndex
from tailrace.llm.embedding import Embedder
from tailrace.llm.registry import open_embedder
from tailrace.settings import Settings
from tailrace.stores.registry import open_stores, vectors_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_COLUMNS: Final = {
    "ndcg_10": "nDCG@10",
    "recall_3": "R@3",
    "recall_5": "R@5",
    "recall_10": "R@10",
    "mrr_3": "MRR@3",
    "mrr_10": "MRR@10",
    "span_recall_5": "spanR@5",
    "span_precision_5": "spanP@5",
    "span_recall_budget": "spanR@4k",
    "span_precision_budget": "spanP@4k",
}


@app.command(name="eval")
def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="With corpus.jsonl, queries.jsonl and, mostly, qrels.jsonl.")
    ],
    json: Annotated[Path | None, typer.Option(help="Write the figures there, too.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Ask every so many questions only.")] = 1,
    words_only: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--words-only", help="Search without an embedding model.")
    ] = False,
) -> None:
    """Measure how well passages are found, each way by itself and all together.

    Ends with 1 where all together are worse than the best way alone.
    """
    chosen = read_set(folder.expanduser())
    found = run(_evaluate(settings_of(context), chosen, every, words_only=words_only))
    for line in report(found):
        typer.echo(line)
    if json is not None:
        json.expanduser().write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    leave(Exit.FAILED if found.worse else Exit.OK)


async def _evaluate(
    settings: Settings, chosen: EvaluationSet, every: int, *, words_only: bool
) -> Evaluation:
    embedder = None if words_only or not is_possible() else open_embedder(settings)
    try:
        with tempfile.TemporaryDirectory(prefix="tailrace-eval-") as home:
            own = msgspec.structs.replace(settings, home=Path(home), synchronous="NORMAL")
            return await evaluate_in(own, embedder, chosen, every)
    finally:
        if embedder is not None:
            await embedder.aclose()


async def evaluate_in(
    settings: Settings, embedder: Embedder | None, chosen: EvaluationSet, every: int = 1
) -> Evaluation:
    """What the set says, in the empty home of `settings`."""
    store, documents = await open_stores(settings)
    try:
        vectors = vectors_of(store)
        meaning = None if embedder is None else Meaning(embedder, vectors)
        indexer = VectorIndexer(vectors, embedder, quiet_s=0.0)
        indexer.start()
        try:
            evaluator = Evaluator(
                documents, ContextIndex(documents, meaning), indexer, SYSTEM_CLOCK.now()
            )
            return await evaluator.evaluate(chosen, _say, every=every)
        finally:
            await indexer.aclose()
    finally:
        await store.aclose()


def report(found: Evaluation) -> list[str]:
    """The figures as lines of text, in percent."""
    lines = [
        (
            f"{found.name}: {found.documents:,} documents, {found.passages:,} passages, "
            f"{found.retrieval.questions:,} questions; {found.model or 'no embedding model'}"
        ),
        "",
        *_table(found.retrieval.ways),
    ]
    if found.abstention is not None:
        lines += ["", *_abstention(found.abstention)]
    lines.append("")
    if found.worse:
        lines.append("Together they are worse than the best alone:")
        lines += [f"  {each}" for each in found.worse]
    else:
        points = 100 * found.tolerance
        lines.append(
            f"Together they are as good as the best alone, or better ({points:.1f} points)."
        )
    return lines


def _table(ways: Mapping[str, Figures]) -> list[str]:
    shown = [
        name
        for name in _COLUMNS
        if any(getattr(figures, name) is not None for figures in ways.values())
    ]
    head = " " * 8 + "".join(f"{_COLUMNS[name]:>10}" for name in shown)
    return [head, *(_row(way, figures, shown) for way, figures in ways.items())]


def _row(way: str, figures: Figures, shown: list[str]) -> str:
    return f"{way:8}" + "".join(f"{100 * getattr(figures, name):>10.1f}" for name in shown)


def _abstention(found: Abstention) -> list[str]:
    asked = (
        f"Nothing about it: area under the curve {found.area:.3f}, of {found.about:,} questions "
        f"about the documents and {found.not_about:,} about others."
    )
    decided = (
        f"As it is set, {100 * found.false_abstentions:.1f} % of the first are turned away, "
        f"and {100 * (1 - found.false_answers):.1f} % of the others."
    )
    return [asked, decided]


def _say(line: str) -> None:
    typer.echo(line, err=True)
