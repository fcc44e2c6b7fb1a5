"""Reactions: consumers with effects elsewhere, which keep their offsets on the bus.

At least once: after a crash, and when a partition changes hands, some records come again. So whatever a reaction makes has an id that
follows from the event (`quietzone_kit.ids.derived_id`), and making it twice is making it once.

A record that fails is tried again within a budget (`Patience`); meanwhile the rest of its partition waits, other partitions go on. Then
it goes to the topic `<topic>.<consumer>.dlq` as a *dead letter*, and the partition goes on without it: later events of its key are
handled before it is redriven, so a reaction tells by the event's revision whether what it hears is old. What bus, store or another
service refuse for now is tried again without end and kills no record; a consumer on which record after record dies stops.

`DeadLetters` lists, shows, redrives and drops them, from any process that reaches the bus. Redriven letters go to
`<topic>.<consumer>.redrive`, which nobody but this reaction reads, in the order in which they died; other consumers of the origin topic
never see a record twice for it. Which letters are settled is said by records in the dead letters' own topic, so there is no state besides
the bus. All of it can be done twice, or be cut off in the middle: a letter is known by its origin and how often it was redriven.
"""

from quietzone_kit.reaction._dead import DeadLetters, LetterPage, Summary, Which
from quietzone_kit.reaction._groups import begin_at_first, unsettled
from quietzone_kit.reaction._letters import Letter, dead_topic, redrive_topic
from quietzone_kit.reaction._records import FailsOnEverything, Patience, Reaction, Unreadable
from quietzone_kit.reaction._run import run_reaction

__all__ = [
    "DeadLetters",
    "FailsOnEverything",
    "Letter",
    "LetterPage",
    "Patience",
    "Reaction",
    "Summary",
    "Unreadable",
    "Which",
    "begin_at_first",
    "dead_topic",
    "redrive_topic",
    "run_reaction",
    "unsettled",
]
