"""What one call's conversation is set up with, beside the models."""

import msgspec

from models.compliance import CallContext, Rule
from models.playbooks import Playbook
from models.review import Form


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    context: CallContext
    guard_key: bytes
    """See `models.privacy.DigitGuard`."""
    agent_sentiment: bool
    searches: bool
    """The call has a knowledge base."""
    form: Form | None
    playbook: Playbook | None
    own_rules: tuple[Rule, ...] = ()
    """The site's, which take the place of bundled ones."""
