"""`session_event`: everything that goes into the trail, for apps: a mail about a new device, a counter.

Sent after the commit with `event`, the `models.Event`; a receiver that fails is logged and harms nothing else.
"""

from django.dispatch import Signal

session_event = Signal()
