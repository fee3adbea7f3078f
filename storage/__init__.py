"""What Mynah keeps: tables, migrations, repositories that hand out plain values, and the model registry.

Knows nothing of models, schedules or Discord.
"""
