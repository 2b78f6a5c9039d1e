"""Any web address, with payloads signed as Standard Webhooks 1.0 asks.

Message ─ payload ─▶ JSON ─ signature ─▶ headers ─ receiver ─▶ Answer ─▶ Receipt or DeliveryError
"""
