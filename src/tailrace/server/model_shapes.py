"""Floor 6: model shapes, what the routes of the model's set-up answer."""

from pydantic import BaseModel, Field

from tailrace.agent.model_setup import Offer, Pull, PullFailure, PullState, SetupState
from tailrace.server.shapes import Model


class ModelOffer(BaseModel):
    """A model that can be fetched, with all a person should know before it is."""

    name: str
    title: str = Field(description="What its makers call it.")
    size_bytes: int
    sha256: str = Field(description="What the whole file must have, or it is thrown away.")
    licence: str = Field(description="Of the weights, as an SPDX identifier.")
    homepage: str = Field(description="Where the weights are described.")
    sources: list[str] = Field(description="The hosts it would come from, in order.")
    smoke_test_only: bool = Field(description="Whether it is too small to be of use.")
    installed: bool

    @classmethod
    def of(cls, offer: Offer) -> "ModelOffer":
        """The offer as it is shown."""
        entry = offer.entry
        return cls(
            name=entry.name,
            title=entry.title,
            size_bytes=entry.size_bytes,
            sha256=entry.sha256,
            licence=entry.licence,
            homepage=entry.homepage,
            sources=list(offer.hosts),
            smoke_test_only=entry.smoke_test_only,
            installed=offer.installed,
        )


class PullError(BaseModel):
    """Why a pull failed."""

    code: str
    message: str = Field(description="What went wrong, and what to do.")

    @classmethod
    def of(cls, failure: PullFailure) -> "PullError":
        """The failure as it is shown."""
        return cls(code=failure.code, message=failure.message)


class ModelPull(BaseModel):
    """One fetch of a model, and how far it is."""

    name: str
    state: PullState
    done_bytes: int
    total_bytes: int
    source: str = Field(description='Where it comes from; "" before the first byte.')
    error: PullError | None

    @classmethod
    def of(cls, pull: Pull) -> "ModelPull":
        """The pull as it is shown."""
        return cls(
            name=pull.name,
            state=pull.state,
            done_bytes=pull.done_bytes,
            total_bytes=pull.total_bytes,
            source=pull.source,
            error=pull.error and PullError.of(pull.error),
        )


class ModelSetup(BaseModel):
    """What answers here, what could, and the fetch that is under way."""

    answering: Model | None = Field(
        description="Null while there is none: answers are then the passages themselves."
    )
    endpoint: str | None = Field(
        description="The host that TAILRACE_LLM_URL names; null: models run on this machine."
    )
    runtime: bool = Field(description="Whether models can run on this machine.")
    recommended: str = Field(description="The name of the model for whoever has no wish.")
    models: list[ModelOffer]
    pull: ModelPull | None = Field(
        description="The fetch under way, or else the newest; null before the first."
    )

    @classmethod
    def of(cls, state: SetupState) -> "ModelSetup":
        """The set-up as it is shown."""
        return cls(
            answering=state.answering and Model.of(state.answering),
            endpoint=state.endpoint,
            runtime=state.runtime,
            recommended=state.recommended,
            models=[ModelOffer.of(offer) for offer in state.offers],
            pull=state.pull and ModelPull.of(state.pull),
        )
