"""Questions about codes: counts over a span, by a zone's calendar."""

from quietzone_analytics.queries.domain import Breakdown, Interval, Span, starts
from quietzone_analytics.queries.use_cases import CodeAnalytics, Question, get_code_analytics

__all__ = ["Breakdown", "CodeAnalytics", "Interval", "Question", "Span", "get_code_analytics", "starts"]
