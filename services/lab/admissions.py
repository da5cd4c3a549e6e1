"""The CFMs' votes: over multicast they grant the roles, once a person has admitted each."""

from bus.errors import UnavailableError
from services.lab.site.lab import Lab, Part
from services.lab.site.processes import ask


class Admissions(Part):
    """Admits the CFMs, as `provbus failover admit` does on the first day."""

    def begin(self, lab: Lab) -> None:
        """Admit each."""
        for cfm in lab.site.cfms():
            answer = ask(cfm.admin_socket, {"op": "failover.admit"}) or {}
            if not answer.get("votes"):
                raise UnavailableError(f"{cfm.name} was not admitted: {answer.get('detail', 'no answer')}")
