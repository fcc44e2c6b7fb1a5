"""What storage counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge

DRAWN = Counter(
    "quietzone_storage_codes_total",
    "Images of codes by what became of them: drawn, drawn again (used after long), removed, quarantined. 'quarantined' stays 0; else a "
    "symbol wasn't read back: look at the asset's reason, and at quietzone_qr_unreadable_total.",
    ["outcome"],
)
STOPPED = Gauge(
    "quietzone_storage_stopped",
    "1 when this process hears of no codes any more, or of no changes for those who keep copies, and goes on with the rest. Its log says "
    "which consumer and why: mend that, then start it again.",
)
SWEPT_BYTES = Counter(
    "quietzone_storage_swept_bytes_total",
    "Bytes that no asset had any more, and that were removed. A jump that no deletion explains: look at the log of assets' deletions.",
)
CLEANED = Counter(
    "quietzone_storage_cleaned_total",
    "Assets that clean-ups have looked at, by what was done: warmed, archived, deleted, kept. 'deleted' jumps: look at who has changed "
    "QUIETZONE_STORAGE_DELETE_DAYS.",
    ["outcome"],
)
PURGED = Counter(
    "quietzone_storage_purged_total",
    "Files of which copies were purged because they changed. Stays 0 while codes are deleted: look at QUIETZONE_STORAGE_COPIES_URL, and at "
    "the dead letters of storage-copies.",
)
FILES = Counter(
    "quietzone_storage_files_total",
    "Answers to requests for files: whole, part, known (304), preflight, or the status of a refusal. 403 and 410 rise when "
    "URLs are handed out too late or keys were changed; 503 when store or blobs don't answer: look at these.",
    ["outcome"],
)
LOST = Counter(
    "quietzone_storage_lost_total",
    "Bytes that were found gone or damaged, by what became of them: mended (made again from the code's modules, or the upload's original) "
    "or lost. Stays 0; else look at the disk or bucket, and run the role `scrub`: it names the blobs to restore from a copy.",
    ["outcome"],
)
for _outcome in ("mended", "lost"):
    LOST.labels(_outcome)  # an alert on the first one needs the 0 before it
UNKNOWN_BYTES = Gauge(
    "quietzone_storage_unknown_bytes",
    "Bytes in blobs that no document knows, as of the last look through all of them; a store that was restored from an older copy leaves "
    "them. When what they were isn't missed, the role `sweep` removes them.",
)
UPLOADS = Counter(
    "quietzone_storage_uploads_total",
    "Uploads that were processed, by what they became. 'quarantined' rises: look at the reasons of these assets; if it is the decoder's "
    "memory or time, at their sizes.",
    ["state"],
)
