"""The Solvimon sandbox's adapter: every effect, reaction and refresh its behaviour file names.

1. Only this package of `understudy_solvimon` knows that an engine exists, and of it only transactions and problems.
2. Arithmetic is not done here: it is in the pure modules beside this package.
"""

from understudy_solvimon.sandbox.catalogue import (
    activate_product,
    archive_product,
    calculation_saved,
    create_version,
    delete_product,
    deprecate_product,
    meter_property_updated,
    meter_saved,
    product_item_saved,
    update_product,
    version_activated,
    version_changed,
    version_updated,
)
from understudy_solvimon.sandbox.coupons import (
    coupon_redemptions,
    coupon_saved,
    create_promotion_code,
    promotion_code_redemptions,
    schedule_redeems,
)
from understudy_solvimon.sandbox.customers import customer_saved, forget_customer
from understudy_solvimon.sandbox.groups import group_deleted, group_saved, member_saved
from understudy_solvimon.sandbox.invoices import (
    create_invoice,
    credit_invoice,
    grace_elapsed,
    invoice_archived,
    pay_invoice,
    refresh_invoices,
    update_invoice,
)
from understudy_solvimon.sandbox.ondemand import charge_on_demand, on_demand_pricing_items
from understudy_solvimon.sandbox.prices import create_group, create_pricing, pricing_changed, pricing_updated
from understudy_solvimon.sandbox.running import period_begun, period_ended, period_planned
from understudy_solvimon.sandbox.schedules import (
    copy_schedule,
    create_schedule,
    migrate_schedule,
    schedule_changed,
    update_schedule,
)
from understudy_solvimon.sandbox.subscriptions import (
    cancel_subscription,
    copy_subscription,
    create_subscription,
    init_subscription,
    subscription_activated,
    subscription_archived,
    subscription_cancelled,
    subscription_deleted,
    subscription_resumed,
    subscription_saved,
    subscription_voided,
    update_payment_method,
)
from understudy_solvimon.sandbox.tracing import calculate_event, ingest_predicting, persist_data, reprocess, trace_event
from understudy_solvimon.sandbox.usage import delete_event, delete_event_by_reference, ingest, ingest_batch

__all__ = [
    "activate_product",
    "archive_product",
    "calculate_event",
    "calculation_saved",
    "cancel_subscription",
    "charge_on_demand",
    "copy_schedule",
    "copy_subscription",
    "coupon_redemptions",
    "coupon_saved",
    "create_group",
    "create_invoice",
    "create_pricing",
    "create_promotion_code",
    "create_schedule",
    "create_subscription",
    "create_version",
    "credit_invoice",
    "customer_saved",
    "delete_event",
    "delete_event_by_reference",
    "delete_product",
    "deprecate_product",
    "forget_customer",
    "grace_elapsed",
    "group_deleted",
    "group_saved",
    "ingest",
    "ingest_batch",
    "ingest_predicting",
    "init_subscription",
    "invoice_archived",
    "member_saved",
    "meter_property_updated",
    "meter_saved",
    "migrate_schedule",
    "on_demand_pricing_items",
    "pay_invoice",
    "period_begun",
    "period_ended",
    "period_planned",
    "persist_data",
    "pricing_changed",
    "pricing_updated",
    "product_item_saved",
    "promotion_code_redemptions",
    "refresh_invoices",
    "reprocess",
    "schedule_changed",
    "schedule_redeems",
    "subscription_activated",
    "subscription_archived",
    "subscription_cancelled",
    "subscription_deleted",
    "subscription_resumed",
    "subscription_saved",
    "subscription_voided",
    "trace_event",
    "update_invoice",
    "update_payment_method",
    "update_product",
    "update_schedule",
    "version_activated",
    "version_changed",
    "version_updated",
]
