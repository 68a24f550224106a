"""The npm packages as they would be published: what is in them, their types, and their READMEs."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from setup_frontend import BIN, FRONTEND, ROOT
from tailrace.testing.model_script import Reply

from .conftest import Serve, node, output_of

PACKAGES: Final = ("core", "react")
CONSUMER: Final = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "target": "es2023",
        "module": "esnext",
        "moduleResolution": "bundler",
        "allowImportingTsExtensions": True,
        "jsx": "react-jsx",
        "lib": ["es2023", "dom", "dom.iterable"],
        "types": [],
    },
    "include": ["*.ts", "*.tsx"],
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where both packages are built, and are found by their names."""
    folder = tmp_path_factory.mktemp("workspace")
    modules = folder / "node_modules"
    (modules / "@tailrace").mkdir(parents=True)
    for entry in (FRONTEND / "node_modules").iterdir():
        if entry.name != "@tailrace":
            (modules / entry.name).symlink_to(entry)
    shutil.copy(FRONTEND / "tsconfig.base.json", folder)
    for name in PACKAGES:
        copy = folder / "packages" / name
        ours = shutil.ignore_patterns("dist", "tests")
        shutil.copytree(FRONTEND / "packages" / name, copy, ignore=ours)
        (modules / "@tailrace" / name).symlink_to(copy)
    asyncio.run(typescript("--build", folder / "packages" / "react"))
    return folder


async def typescript(*arguments: str | Path) -> None:
    """Run the compiler; it has to find nothing."""
    await output_of(node(), FRONTEND / "node_modules" / "typescript" / "bin" / "tsc", *arguments)


@pytest.mark.parametrize("name", PACKAGES)
async def test_a_package_has_what_its_exports_name_and_no_sources(
    workspace: Path, name: str
) -> None:
    folder = workspace / "packages" / name
    pack = ("pack", "--dry-run", "--json", "--ignore-scripts", folder)
    packed = await output_of(BIN / "npm", *pack)
    files = set(re.findall(r'"path": "([^"]+)"', packed))
    manifest = (folder / "package.json").read_text("utf-8")
    assert set(re.findall(r'"\./(dist/[^"]+)"', manifest)) <= files
    built = {file for file in files if file.startswith("dist/")}
    assert files - built == {"README.md", "package.json"}
    assert all(file.endswith((".js", ".d.ts", ".tsbuildinfo")) for file in built), built


async def test_the_packages_can_be_imported_by_their_names(workspace: Path) -> None:
    script = workspace / "import.mjs"
    script.write_text(
        "const core = await import('@tailrace/core')\n"
        "const markdown = await import('@tailrace/core/markdown')\n"
        "const react = await import('@tailrace/react')\n"
        "const hooks = [react.useChatStream, react.useIngestion]\n"
        "const names = [core.ChatSession, core.IngestionSession, markdown.MarkdownView, ...hooks]\n"
        "process.stdout.write(names.map(({ name }) => name).join())\n"
    )
    names = "ChatSession,IngestionSession,MarkdownView,useChatStream,useIngestion"
    assert await output_of(node(), script) == names


async def test_the_example_is_written_to_the_types_of_the_packages(workspace: Path) -> None:
    folder = workspace / "example"
    shutil.copytree(ROOT / "examples" / "react-chat", folder)
    (folder / "tsconfig.json").write_text(json.dumps(CONSUMER))
    await typescript("-p", folder)


async def test_the_example_stays_under_forty_lines_a_file() -> None:
    for file in (ROOT / "examples" / "react-chat").iterdir():
        assert len(file.read_text("utf-8").splitlines()) < 40, file.name


async def test_the_stream_in_the_readme_runs_as_it_stands(workspace: Path, serve: Serve) -> None:
    readme = (FRONTEND / "packages" / "core" / "README.md").read_text("utf-8")
    found = re.search(r"```js\n(.*?sendStreamMessage.*?)```", readme, re.DOTALL)
    assert found is not None
    question = "What did we decide about backups?"
    async with serve({question: ("simple_chat", [Reply(text="Twice a day.")])}) as server:
        script = workspace / "stream.mjs"
        script.write_text(found[1].replace("http://127.0.0.1:1733", server.url))
        assert len(found[1].splitlines()) < 20
        assert await output_of(node(), script) == "Twice a day.\n"
