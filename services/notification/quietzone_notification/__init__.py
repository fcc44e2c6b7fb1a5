"""Notification: which events somebody asked to hear of, by EventBridge's patterns and SNS's filter policies."""
