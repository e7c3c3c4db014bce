"""The forms by which calls are scored and wrapped up: those of each organisation, and those that come with the engine.

Implements `engine.ports.desk.FormKeeper`. Forms are read once, when they are adopted; a call keeps the one that it
began with.
"""

from collections.abc import Iterable, Sequence

import structlog

from engine.errors import Invalid
from engine.ports.desk import FormHead
from engine.ports.intake import Routing
from models.compliance import Rule
from models.review import Form, bundled_forms, form_for, own_first, read_form
from models.review.forms import bundled_sources, title_in

log = structlog.get_logger(__name__)


class FormBook:
    def __init__(self) -> None:
        self._own: dict[str, tuple[Form, ...]] = {}
        """By organisation."""
        self._bundled: tuple[Form, ...] = ()
        self._rules: frozenset[str] = frozenset()
        """The site's own, which its forms may name."""

    def load(self, own_rules: Iterable[Rule] = ()) -> None:
        """Reads the forms that come with the engine. Blocking, a few tenths of a second."""
        self._bundled = bundled_forms()
        self._rules = frozenset(rule.id for rule in own_rules)

    def check(self, source: str) -> FormHead:
        form = read_form(source, rules=self._rules)
        return FormHead(
            id=form.id,
            title=form.title,
            campaigns=tuple(form.campaigns),
            active=form.active,
            items={one.id: one.title for one in form.items},
            dispositions={one.code: one.title for one in form.dispositions},
        )

    def adopt(self, organisation_id: str, sources: Sequence[tuple[str, int]]) -> None:
        forms = (self._read(source, version) for source, version in sources)
        self._own[organisation_id] = tuple(form for form in forms if form)

    def bundled(self) -> Sequence[str]:
        return [source for _, source in bundled_sources()]

    def form_of(self, routing: Routing) -> Form | None:
        return self._form(routing.organisation_id, routing.campaign, routing.name)

    def endings(self, organisation_id: str, campaign: str, name: str, language: str) -> Sequence[tuple[str, str]]:
        form = self._form(organisation_id, campaign, name)
        return [(one.code, title_in(one.title, language)) for one in form.dispositions] if form else []

    def _form(self, organisation_id: str, campaign: str, name: str) -> Form | None:
        own = self._own.get(organisation_id, ())
        return form_for(own_first(own, self._bundled), campaign, name)

    def _read(self, source: str, version: int) -> Form | None:
        """A form was good when it was stored; an act or a rule that it names may be gone since."""
        try:
            return read_form(source, version, self._rules)
        except Invalid as error:
            log.error("form.unreadable", version=version, error=str(error))
            return None
