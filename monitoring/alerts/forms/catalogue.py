"""The forms by their names in the config."""

from __future__ import annotations

from core.config import FormName
from monitoring.alerts.forms.form import Form
from monitoring.alerts.forms.generic import Generic
from monitoring.alerts.forms.slack import Slack
from monitoring.alerts.forms.teams import Teams

FORMS: dict[FormName, Form] = {"json": Generic(), "slack": Slack(), "teams": Teams()}
