from quietzone_qr.health.tasks import user_agent
from quietzone_tracking.forwarder.enrich.agents import Agents


def test_a_look_at_a_destination_that_is_a_code_again_is_no_scan_by_people() -> None:
    assert Agents().parse(user_agent("https://q.example")).scan_class.value == "bot"
