"""Questions about codes: counts over a span, by a zone's calendar."""

from quietzone_analytics.queries.domain import Breakdown, DayPoint, Interval, Span, starts
from quietzone_analytics.queries.use_cases import CodeAnalytics, Question, counted, get_code_analytics, span_of

__all__ = [
    "Breakdown",
    "CodeAnalytics",
    "DayPoint",
    "Interval",
    "Question",
    "Span",
    "counted",
    "get_code_analytics",
    "span_of",
    "starts",
]
