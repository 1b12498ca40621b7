"""One at a time, per user: what two parallel sign-ins must not both believe."""

from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction

from .models import Session


@contextmanager
def one_at_a_time(user=None):
    """A transaction that no other one for this user runs beside.

    PostgreSQL: the user's row is locked, in the mode that lets foreign keys refer to it meanwhile. SQLite has one
    writer: the lock is taken at once, because a transaction that begins with reading cannot be sure to get it later.
    """
    using = router.db_for_write(Session)
    connection = connections[using]
    with transaction.atomic(using=using):
        if not connection.features.has_select_for_update:
            with connection.cursor() as cursor:
                table = connection.ops.quote_name(Session._meta.db_table)
                cursor.execute(f"UPDATE {table} SET ip = ip WHERE 1 = 0")  # noqa: S608
        elif user is not None:
            no_key = connection.features.has_select_for_no_key_update
            users = get_user_model()._base_manager.using(using).select_for_update(of=("self",), no_key=no_key)
            users.filter(pk=user.pk).values_list("pk").first()
        yield
