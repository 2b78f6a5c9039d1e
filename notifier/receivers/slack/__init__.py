"""Slack, by bot token (`bot`) and by incoming webhook (`webhook`).

    Message ─ blocks ─▶ SlackPost ─ bot | webhook, client ─▶ Answer ─ answers ─▶ Receipt or DeliveryError

`text`, `words`, `mention`, `blocks`, `refusals`, `answers` and `access` are pure. `session` is the one HTTP
session that all of it goes through, and `client` the one place that calls slack_sdk.
"""
