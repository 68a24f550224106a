"""Floor 6: health, and the page that says what runs here."""

from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tailrace.server.caller import AgentOf
from tailrace.server.shapes import Health, Model, Problem

VERSION = version("tailrace")

router = APIRouter(tags=["operations"])

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tailrace</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem;
  color: #1c2733; background: #fff }}
pre {{ background: #f2f5f7; padding: .8rem 1rem; overflow-x: auto; border-radius: .4rem }}
a {{ color: #0b5cad }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #dde4ea; background: #14191e }} pre {{ background: #1f262d }}
  a {{ color: #7db8f0 }}
}}
</style>
</head>
<body>
<h1>Tailrace</h1>
<p>This is Tailrace {VERSION}, a context agent: it answers questions out of your own documents, and
every step of a run is one ordered, durable stream. There is no web application here yet; ask from
the terminal.</p>
<pre>tailrace docs add ~/notes
tailrace ask "What did we decide about backups?"</pre>
<p>Or over HTTP:</p>
<pre>curl -N http://127.0.0.1:1733/api/agent/chat/stream \\
  -H 'Content-Type: application/json' \\
  -d '{{"query": "What did we decide about backups?"}}'</pre>
<p><a href="openapi.json">openapi.json</a> describes every route;
<a href="healthz">healthz</a> says whether a model is there.</p>
</body>
</html>
"""


@router.get("/healthz", summary="Whether this server is up")
async def healthz(agent: AgentOf) -> Health:
    """That this server is up, its version, and the model that answers."""
    info = agent.parts.llm.info
    model = info and Model(
        name=info.name, embedded=info.embedded, smoke_test_only=info.smoke_test_only
    )
    return Health(status="ok", version=VERSION, model=model)


@router.get(
    "/readyz",
    summary="Whether this server can take a question",
    responses={503: {"model": Problem, "description": "The store does not answer."}},
)
async def readyz(agent: AgentOf) -> dict[str, str]:
    """That the store answers."""
    await agent.parts.store.live_runs()
    return {"status": "ready"}


@router.get("/", summary="What runs here", response_class=HTMLResponse)
async def landing() -> HTMLResponse:
    """A page for people."""
    return HTMLResponse(_PAGE, headers=_HEADERS)
