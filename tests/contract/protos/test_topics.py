"""Topic files, and what is generated from them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import baseline
import generate_topics
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

import quietzone_topics
from quietzone_analytics.creations import CONSUMER as CREATIONS
from quietzone_gateway.identity.audit.consumers import CODES as AUDIT_OF_CODES
from quietzone_gateway.identity.audit.consumers import OURS as AUDIT
from quietzone_notification.consumers import CONSUMERS
from quietzone_qr.health.consumers import NAME as HEALTH
from quietzone_storage.backups.consumers import CONSUMER as BACKUPS
from quietzone_storage.codes.domain import CONSUMER as STORAGE_CODES
from quietzone_storage.codes.domain import COPIES_CONSUMER as COPIES
from quietzone_topics import GATEWAY_AUDIT_V1, QR_CODE_V1, STORAGE_ASSET_V1

TOPICS = generate_topics.load(baseline.PROTO / "topics")
EXAMPLES = {f"{event.type}: {example.name}": (event, example) for topic in TOPICS for event in topic.events for example in event.examples}


@pytest.fixture(scope="module")
def messages() -> dict[str, type[Message]]:
    files = json_format.Parse(baseline.descriptors(baseline.PROTO), descriptor_pb2.FileDescriptorSet(), ignore_unknown_fields=True)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClassesForFiles([file.name for file in files.file], pool)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_its_message(name: str, messages: dict[str, type[Message]]) -> None:
    event, example = EXAMPLES[name]

    message = json_format.ParseDict(example.value, messages[event.message]())

    assert messages[event.message].FromString(message.SerializeToString()) == message


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_leaves_no_enum_unspecified(name: str, messages: dict[str, type[Message]]) -> None:
    event, example = EXAMPLES[name]

    unspecified = list(unset_enums(json_format.ParseDict(example.value, messages[event.message]())))

    assert unspecified == []


def test_every_event_type_that_the_contracts_speak_of_belongs_to_a_topic() -> None:
    protos = "".join(path.read_text() for path in sorted(baseline.PROTO.glob("quietzone/**/*.proto"))).replace("\n// ", " ")

    assert set(re.findall(r"CloudEvents type `([^`]+)`", protos)) == set(quietzone_topics.TOPIC_OF_TYPE)


def test_the_generated_package_is_up_to_date() -> None:
    assert Path(quietzone_topics.__file__).read_text() == generate_topics.render(TOPICS), "make proto"


def test_the_reactions_are_those_that_the_services_have() -> None:
    ours = {
        *((QR_CODE_V1, group) for group in (HEALTH, STORAGE_CODES, BACKUPS, CREATIONS, AUDIT_OF_CODES)),
        *((STORAGE_ASSET_V1, COPIES), (GATEWAY_AUDIT_V1, AUDIT)),
        *CONSUMERS,
    }

    assert (set(quietzone_topics.REACTIONS), len(quietzone_topics.REACTIONS)) == (ours, len(ours))


def test_each_topic_has_a_constant() -> None:
    assert quietzone_topics.TRACKING_SCAN_V1 in quietzone_topics.TOPICS


WRONG = {
    "an unknown key": ("owner: qr\n", "owner: qr\nowners: qr\n", "owners"),
    "a missing key": ("owner: qr\n", "", "owner"),
    "another name than its file": ("name: qr.code.v1", "name: qr.codes.v1", "qr.codes.v1"),
    "an event of another owner": ("type: quietzone.qr.code", "type: quietzone.tracking.code", "quietzone.tracking.code"),
    "no partitions": ("partitions: 8", "partitions: 0", "partitions"),
    "a reaction without its group": ("    group: qr-health\n", "", "qr, reaction"),
    "a group of none that has one": ("kind: projection\n", "kind: projection\n    group: tracking-links\n", "tracking, projection"),
    "a type of another topic": (
        "type: quietzone.qr.code\n",
        "type: quietzone.qr.code\n    message: a.B\n    examples: [{name: a, value: {}}]\n  - type: quietzone.qr.code\n",
        "twice",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_topic_file_is_refused_by_name_for(what: str, changed_protos: Callable[..., Path]) -> None:
    old, new, named = WRONG[what]
    folder = changed_protos("topics/qr.code.v1.yaml", old=old, new=new) / "topics"

    with pytest.raises(generate_topics.WrongTopicFile, match=re.escape(named)):
        generate_topics.load(folder)


def unset_enums(message: Message) -> Iterator[str]:
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.enum_type is not None and not field.is_repeated and value == 0:
            yield f"{message.DESCRIPTOR.name}.{field.name}"
        if field.message_type is not None:
            for part in value if field.is_repeated else [value] if message.HasField(field.name) else []:
                yield from unset_enums(part)
