"""Floor 2: HTML, a web page as its reader sees it."""

from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.html import html_text, is_too_deep


def page_draft(source: str) -> Draft:
    """What stands on the page.

    Raises:
        RefusedError: it is nested deeper than any page.
    """
    if is_too_deep(source):
        msg = "its elements are nested too deep"
        raise RefusedError(msg)
    text, headings, title = html_text(source)
    draft = Draft()
    draft.title = title
    draft.write(text, headings=headings)
    return draft
