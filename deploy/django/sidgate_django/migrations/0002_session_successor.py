import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sidgate", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="successor",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="kept",
                to="sidgate.session",
            ),
        ),
    ]
