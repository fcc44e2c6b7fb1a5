"""Which of GraphQL's two kinds of answer a client takes; pure."""

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"

_FITTING = {GRAPHQL: GRAPHQL, JSON: JSON, "application/*": JSON, "*/*": JSON}
"""What each range of `Accept` is answered with; who names neither may know JSON only."""


def media_type_for(accept: str | None) -> str:
    """What an `Accept` asks for; JSON without one, and where it names nothing of ours (RFC 9110, 12.5.1, allows to disregard it)."""
    best, best_quality = JSON, 0.0
    for part in (accept or "").split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        quality = _quality(parameters)
        if name in _FITTING and quality > best_quality:
            best, best_quality = _FITTING[name], quality
    return best


def _quality(parameters: list[str]) -> float:
    given = next((text.removeprefix("q=") for text in parameters if text.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
