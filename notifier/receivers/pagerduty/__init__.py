"""PagerDuty, by its Events API v2.

Message ─ events ─▶ event (JSON) ─ receiver ─▶ Answer ─ events ─▶ Receipt or DeliveryError
"""
