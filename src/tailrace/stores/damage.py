"""Floor 1: what a check of a whole store finds. Values only."""

import msgspec


class DamagedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run with events that are not what was written.

    Attributes:
        run_id: The run.
        conversation_id: Where its answer stands; None for a run without a conversation.
        message_id: Its answer; None without a conversation.
        first_seq: The first such event.
        events: How many of those that were looked at.
        is_live: Whether it has not ended: its answer is made of those very events.
    """

    run_id: str
    conversation_id: int | None
    message_id: int | None
    first_seq: int
    events: int
    is_live: bool


class DamagedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose text is not what its run wrote, by the hash in the run's last event."""

    message_id: int
    conversation_id: int
    run_id: str


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is wrong with it.

    Attributes:
        events: How many events were compared with their checksums, the newest first.
        answers: How many answers were compared with their hashes, the newest first.
        complete: Whether that was all there is; False where time ran out.
        unreadable: Whether parts of the file could not be read at all.
        loose_rows: How many rows belong to something that is not there.
        damaged_snapshots: The runs whose kept state, which is all that is left of one that was
            trimmed, is not what was written.
    """

    events: int = 0
    answers: int = 0
    complete: bool = True
    unreadable: bool = False
    loose_rows: int = 0
    damaged_runs: tuple[DamagedRun, ...] = ()
    damaged_answers: tuple[DamagedAnswer, ...] = ()
    damaged_snapshots: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether nothing wrong was found."""
        found = (self.damaged_runs, self.damaged_answers, self.damaged_snapshots)
        return not (self.unreadable or self.loose_rows or any(found))
