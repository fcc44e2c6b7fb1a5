"""The service's own metrics; calls are counted by the kit's rpc, waiting events by its outbox."""

from prometheus_client import Counter

CODES = Counter(
    "quietzone_qr_codes_total",
    "Codes that were created, changed and deleted. For people: how much the product is used. A burst of deletions that nobody announced: "
    "ask the accounts, tombstones keep what there was.",
    ["kind"],
)

DRAWN = Counter(
    "quietzone_qr_images_drawn_total",
    "Images drawn and handed out; those from the cache aren't drawn. Far above the number of codes: the same ones are drawn again, see "
    "whether QUIETZONE_CACHE_URL names a server that all replicas share, and quietzone_cache_reads_total.",
    ["format"],
)

UNREADABLE = Counter(
    "quietzone_qr_images_unreadable_total",
    "Images that were drawn and not handed out, because a decoder couldn't read them. Stays 0; else the error in the answer says which "
    "decoder read what: look for a new version of zxing-cpp, deqr or zlib.",
    ["format"],
)

SLUGS_DRAWN_AGAIN = Counter(
    "quietzone_qr_slugs_drawn_again_total",
    "Slugs that were drawn and already taken. Above 1 % of new codes: slugs of this length run out, make them longer.",
)

for image_format in ("png", "svg"):  # a series that begins with its first failure shows no increase
    UNREADABLE.labels(image_format)
