"""What the archive counts, and what to do when it moves."""

from prometheus_client import Counter

FILES = Counter(
    "quietzone_analytics_archive_files_total",
    "Files of scans that were stored. Flat for an hour while scans come: the log says what the archive waits for.",
)
RECORDS = Counter("quietzone_analytics_archive_records_total", "Records in files that were stored. For people; nothing to do.")
BYTES = Counter("quietzone_analytics_archive_bytes_total", "Bytes of files that were stored. For people: what a month of scans costs.")
MISSED = Counter(
    "quietzone_analytics_archive_missed_records_total",
    "Records that the bus removed before they were archived. Stays 0; else the archive stood still for the log's retention (30 days), and "
    "can't give back every count: keep backups of the store.",
)
