"""Questions about codes: counts over a span, by a zone's calendar."""

from quietzone_analytics.queries.domain import Breakdown, DayPoint, Interval, Span, starts
from quietzone_analytics.queries.use_cases import (
    AccountUsage,
    CodeAnalytics,
    CodeDays,
    CodeDaysPage,
    Question,
    counted,
    get_account_usage,
    get_code_analytics,
    get_totals,
    list_code_scans,
    span_of,
)

__all__ = [
    "AccountUsage",
    "Breakdown",
    "CodeAnalytics",
    "CodeDays",
    "CodeDaysPage",
    "DayPoint",
    "Interval",
    "Question",
    "Span",
    "counted",
    "get_account_usage",
    "get_code_analytics",
    "get_totals",
    "list_code_scans",
    "span_of",
    "starts",
]
