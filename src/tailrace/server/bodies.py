"""Floor 6: bodies, what clients send, checked at the door.

Rule 1: unknown fields are ignored, null counts as absent; what acts must have its type.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from tailrace.agent import ChatRequest, IngestRequest
from tailrace.agent.request import ChatContext, OnConflict
from tailrace.state.state import IngestTarget, Turn

_MAX_ID = 2**63 - 1
_ON_DISCONNECT = r"^(continue|cancel|cancel_after:[0-9]{1,5}(\.[0-9]{1,3})?)$"


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _is_text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        msg = "half of a surrogate pair is no character; send whole ones"
        raise ValueError(msg) from None
    return value


Id = Annotated[int, Field(ge=0, le=_MAX_ID)]
"""The id of a conversation, a message or a document."""

Text = Annotated[str, AfterValidator(_is_text)]
"""Text that can be kept and sent: JSON's escapes can spell what UTF-8 cannot."""

ShortText = Annotated[Text, Field(max_length=200)]


class ChatTurn(BaseModel):
    """One turn of a conversation that the server does not have."""

    role: Literal["user", "assistant"]
    content: Text


class ChatContextBody(BaseModel):
    """What lies around the question."""

    chat_history: list[ChatTurn] | None = Field(
        default=None, description="Earlier turns; count where the conversation has none."
    )
    selected_content: Text | None = Field(
        default=None, description="What is selected in the open document."
    )
    document_id: Annotated[Id | None, BeforeValidator(_empty_is_none)] = Field(
        default=None, description="The open document; a number, or text that is one."
    )


class ChatBody(BaseModel):
    """A question, and where it belongs."""

    query: Text = Field(description="The question.", examples=["What did we decide about backups?"])
    context: ChatContextBody | None = None
    session_id: ShortText | None = Field(
        default=None, description="The client's session; one is made where there is none."
    )
    user_id: ShortText | None = None
    conversation_id: Id | None = Field(
        default=None, description="The conversation it belongs to; its stored history then counts."
    )
    interactive: bool | None = Field(
        default=None,
        description="Whether this client can answer a question while the run waits: then what is "
        "not clear comes as `input_required`; otherwise as the answer.",
    )
    retry_of: ShortText | None = Field(
        default=None,
        description="An ended run of this conversation, its newest: its question is answered "
        "again, without a second user message. `query` must be that question.",
    )
    on_conflict: OnConflict | None = Field(
        default=None,
        description="Where the conversation has a run that has not ended: `enqueue` (the default) "
        "waits for it, `reject` answers 409, `interrupt` cancels it first and keeps what it wrote. "
        "A run that waits for its user is in nobody's way; only `interrupt` ends that too.",
    )
    on_disconnect: Annotated[str, Field(pattern=_ON_DISCONNECT)] | None = Field(
        default=None,
        description="Once the last viewer has left: `continue` (the default), `cancel`, or "
        "`cancel_after:<s>`, unless somebody watches again within so many seconds, 86400 at most. "
        "It counts from the first viewer on, and a server that stops is no viewer that leaves.",
        examples=["cancel_after:30"],
    )

    def to_request(self) -> ChatRequest:
        """The request as the agent takes it."""
        context = self.context or ChatContextBody()
        return ChatRequest(
            query=self.query,
            context=ChatContext(
                chat_history=tuple(Turn(t.role, t.content) for t in context.chat_history or ()),
                selected_content=context.selected_content or "",
                document_id=context.document_id,
            ),
            session_id=self.session_id,
            user_id=self.user_id,
            conversation_id=self.conversation_id,
            interactive=bool(self.interactive),
            retry_of=self.retry_of,
            on_conflict=self.on_conflict or OnConflict.ENQUEUE,
            on_disconnect=self.on_disconnect or "continue",
        )


class IngestionBody(BaseModel):
    """What is to be read in: one of `path`, `url` and `rescan`."""

    path: Annotated[Text, Field(max_length=4096)] | None = Field(
        default=None,
        description="A folder or a file of the machine this server runs on, from the root on; it "
        "is read again whenever it changes. Asks for the home's token.",
    )
    url: Annotated[Text, Field(max_length=4096)] | None = Field(
        default=None, description="A page of the web, `http` or `https`."
    )
    rescan: Literal[True] | None = Field(
        default=None,
        description="Look again at everything that was added. Asks for the home's token.",
    )
    until: Literal["searchable", "embedded"] | None = Field(
        default=None,
        description="Whether the run ends once all can be found by its words, or by its meaning, "
        "too (the default).",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "IngestionBody":
        if sum(each is not None for each in (self.path, self.url, self.rescan)) != 1:
            msg = "send one of `path`, `url` and `rescan`"
            raise ValueError(msg)
        return self

    def to_request(self) -> IngestRequest:
        """The request as the agent takes it."""
        target = IngestTarget(
            path=self.path or "",
            url=self.url or "",
            until_embedded=self.until != "searchable",
        )
        return IngestRequest(target=target)


class InputBody(BaseModel):
    """The answer to what a run waits for."""

    request_id: ShortText = Field(description="Of the `input_required` that is answered.")
    text: Text = Field(description="The answer; one of its `options`, or anything else.")


class ResumeBody(BaseModel):
    """The answer to what a run waits for, as the seed has it; the address names the run."""

    workflow_id: ShortText | None = None
    user_input: Text | None = Field(default=None, description="The answer.")


class ConversationBody(BaseModel):
    """A new conversation."""

    page_name: ShortText = Field(description="`home`, or `creation` beside an open document.")
    document_id: (
        Annotated[str, Field(max_length=200, coerce_numbers_to_str=True), AfterValidator(_is_text)]
        | None
    ) = None


class TitleBody(BaseModel):
    """A conversation's new title."""

    title: Annotated[ShortText, Field(min_length=1)]


TokenCount = Annotated[int, Field(ge=0, le=2**31)]
"""How many tokens some text has, as its maker counts them."""


class StreamingMessageBody(BaseModel):
    """A message made by hand that will be written piece by piece."""

    conversation_id: Id
    role: Literal["user", "assistant"]


class MessageBody(StreamingMessageBody):
    """A message made by hand."""

    content: Text
    is_complete: bool | None = Field(
        default=None, description="Whether it is whole; otherwise more may be appended."
    )
    token_count: TokenCount | None = None


class AppendBody(BaseModel):
    """More of a message; the address says of which, whatever `message_id` does."""

    message_id: Id | None = None
    content_chunk: Text
    token_count: TokenCount | None = Field(default=None, description="Added to those before.")


class ReplaceBody(BaseModel):
    """Another text for a message; the address says for which, whatever `message_id` does."""

    message_id: Id | None = None
    new_content: Text
    is_complete: bool | None = Field(
        default=None, description="Whether it is whole now; one that has ended stays ended."
    )
    token_count: TokenCount | None = Field(default=None, description="Instead of those before.")


class PathBody(BaseModel):
    """A folder or a file on the machine the server runs on."""

    path: Annotated[Text, Field(min_length=1, max_length=4096)]


class DocumentBody(BaseModel):
    """A document handed in as text."""

    name: Annotated[Text, Field(min_length=1, max_length=1024)]
    content: Text
