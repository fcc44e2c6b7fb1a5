"""What fields cost, in the unit of complexity: about a field's worth of work for us, some 20 µs.

A field that isn't listed costs DEFAULT_COST. What brings a list is multiplied: by the argument that says how long it is, or by what
is usual. A test holds the names against the schema.
"""

from collections.abc import Mapping

DEFAULT_COST = 1

COSTS: Mapping[str, int] = {
    # A question to a service for each.
    "Query.code": 5,
    "Query.codes": 10,
    "Query.export": 5,
    "Query.exports": 10,
    "Query.asset": 5,
    "Query.assets": 10,
    "Query.drawing": 5,
    "Query.operation": 5,
    "Query.operations": 10,
    "Query.task": 15,
    "Query.tasks": 30,  # of three services
    "Query.testEventPattern": 20,  # an event of 64 KB is read
    "Query.eventBuses": 5,
    "Query.eventRules": 10,
    "Query.eventRule": 5,
    "EventRule.numbers": 5,
    "Query.topics": 10,
    "Query.subscriptions": 10,
    "Query.webhooks": 10,
    "Query.webhook": 5,
    "Query.deliveries": 20,  # the store reads bodies too
    "Query.delivery": 5,
    "Delivery.details": 5,
    "Query.pushDevices": 10,
    "Query.facets": 20,
    "Query.usage": 20,  # two services, and the store
    "Query.qrAnalytics": 50,
    "Query.searchQRCodes": 50,  # reads up to a thousand codes of each kind
    "QrAnalytics.series": 50,
    "Code.analytics": 50,  # a document of each day is read and unpacked
    "Code.health": 20,
    "Export.code": 2,
    "File.url": 5,
    # Each write is an event for all parts; a new code is drawn, and read back twice.
    "Mutation.createCode": 50,
    "Mutation.updateCode": 20,
    "Mutation.deleteCode": 20,
    "Mutation.blockCode": 20,
    "Mutation.unblockCode": 20,
    "Mutation.createExport": 100,
    "Mutation.cancelExport": 20,
    "Mutation.beginUpload": 50,
    "Mutation.deleteAsset": 20,
    "Mutation.createPrint": 400,  # a thousand codes are read
    "Mutation.moveAsset": 20,
    "Mutation.cleanUpAssets": 50,
    "Mutation.purgeCopies": 50,
    "Mutation.warmUpCopies": 100,
    "Mutation.cancelOperation": 20,
    "Mutation.bulkCreateQRCodes": 400,
    "Mutation.putEvents": 50,
    "Mutation.putEventBus": 20,
    "Mutation.deleteEventBus": 20,
    "Mutation.putEventRule": 50,  # all rules of the bus are weighed
    "Mutation.deleteEventRule": 20,
    "Mutation.putTopic": 20,
    "Mutation.deleteTopic": 20,
    "Mutation.subscribe": 50,  # all subscriptions of the topic are looked through
    "Mutation.unsubscribe": 20,
    "Mutation.publishMessage": 400,  # a delivery to each of a thousand
    "Mutation.createWebhook": 20,
    "Mutation.changeWebhook": 20,
    "Mutation.rotateWebhookSecret": 20,
    "Mutation.deleteWebhook": 20,
    "Mutation.testWebhook": 20,
    "Mutation.retryDelivery": 20,
    "Mutation.redriveDeliveries": 100,
    "Mutation.registerPushDevice": 20,
    "Mutation.deletePushDevice": 20,
    # Wrappers, which cost nothing beside what they hold.
    "CodeConnection.edges": 0,
    "CodeConnection.pageInfo": 0,
    "CodeEdge.node": 0,
    "AssetConnection.edges": 0,
    "AssetConnection.pageInfo": 0,
    "AssetEdge.node": 0,
    "ExportConnection.edges": 0,
    "ExportConnection.pageInfo": 0,
    "ExportEdge.node": 0,
    "OperationConnection.edges": 0,
    "OperationConnection.pageInfo": 0,
    "OperationEdge.node": 0,
    "TaskConnection.edges": 0,
    "TaskConnection.pageInfo": 0,
    "TaskEdge.node": 0,
    "EventRuleConnection.edges": 0,
    "EventRuleConnection.pageInfo": 0,
    "EventRuleEdge.node": 0,
    "TopicConnection.edges": 0,
    "TopicConnection.pageInfo": 0,
    "TopicEdge.node": 0,
    "TopicSubscriptionConnection.edges": 0,
    "TopicSubscriptionConnection.pageInfo": 0,
    "TopicSubscriptionEdge.node": 0,
    "DeliveryConnection.edges": 0,
    "DeliveryConnection.pageInfo": 0,
    "DeliveryEdge.node": 0,
    "PushDeviceConnection.edges": 0,
    "PushDeviceConnection.pageInfo": 0,
    "PushDeviceEdge.node": 0,
}

ASKING = frozenset({"Code.totalScans", "Code.analytics", "Code.health"})
"""Questions to services. Events are told without: a scan each millisecond would be as many calls."""

SIZES: Mapping[str, int | str] = {
    "Query.codes": "first",
    "Query.exports": "first",
    "Query.assets": "first",
    "Query.operations": "first",
    "Query.tasks": "first",
    "Query.eventBuses": 10,
    "Query.eventRules": "first",
    "EventRule.targets": 5,
    "TargetTransform.variables": 5,
    "Query.topics": "first",
    "Query.subscriptions": "first",
    "Query.webhooks": 20,
    "Query.deliveries": "first",
    "DeliveryDetails.headers": 2,
    "DeliveryDetails.attempts": 10,
    "Query.pushDevices": "first",
    "PatternTrial.alternatives": 10,
    "PatternAlternative.paths": 5,
    "PutEvents.entries": 10,
    "Mutation.warmUpCopies": 20,
    "Asset.files": 8,
    "Asset.tags": 2,
    "Query.searchQRCodes": "limit",
    "Usage.items": 10,
    "Facets.tags": "first",
    "Facets.folders": "first",
    "Analytics.series": 30,  # `Points` bounds longer ones
    "Analytics.countries": "first",
    "Analytics.devices": "first",
    "Analytics.browsers": "first",
    "Analytics.operatingSystems": "first",
    "Analytics.referrers": "first",
    "Analytics.languages": "first",
    "CodeNews.events": 10,
    "ScanNews.scans": 10,
    "ScanNews.counts": 10,
    "MilestoneNews.milestones": 10,
    "TaskNews.tasks": 10,
    "Mutation.bulkCreateQRCodes": 100,
    "QrAnalytics.series": 30,
    "QrAnalytics.dailyScans": 30,
    "QrAnalytics.topCountries": 10,
    "QrAnalytics.deviceBreakdown": 10,
    "QrAnalytics.referrerBreakdown": 10,
}
"""How many items a field brings: a number, or the argument that says so."""

INTROSPECTION_SIZES: Mapping[str, int] = {
    "types": 60,
    "fields": 4,
    "args": 1,
    "inputFields": 1,
    "enumValues": 2,
    "interfaces": 1,
    "possibleTypes": 1,
    "directives": 6,
}
"""The same for the schema's description of itself: what is usual in ours."""
