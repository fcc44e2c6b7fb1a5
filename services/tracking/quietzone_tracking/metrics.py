"""What tracking counts, and what to do when it moves."""

from prometheus_client import Gauge

COUNTRY_DATABASE_UP = Gauge(
    "quietzone_tracking_country_database_up",
    "1 when the file of QUIETZONE_TRACKING_COUNTRY_DB was read. 0: look at the forwarder's log; countries are the old file's or unknown.",
)
