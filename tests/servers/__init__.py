"""Real servers for tests: Kafka, MongoDB's protocol, Redis, S3 and toxiproxy.

A server comes from the environment (`QUIETZONE_TEST_…_URL`), else from a container, else natively from packages; `catalogue` decides.
Tests ask for the fixtures of tests/conftest.py. Whoever breaks servers starts their own, which a variable never names:

    with own_servers() as start:
        redis = start("redis")
        redis.kill()
        redis.start()  # on the same port; Kafka and (after a clean stop) mongo-java-server also on the same data

    with Run.begin() as run:
        kafka = run.use(KafkaCluster(run.folder("kafka"), Packages(), brokers=3))
        kafka.brokers[0].pause()
"""


def named_apart(url: str, prefix: str) -> str:
    """The URL of a server that tests share, with a prefix before all names there (Kafka's topics and groups, Redis' keys)."""
    return f"{url}{'&' if '?' in url else '?'}prefix={prefix}"
