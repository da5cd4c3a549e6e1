"""`provbus run`: the processes of the platform."""

import sys
from pathlib import Path

import click

from bus.config import Config, load
from fileid.handoff import Budget
from services.cfm import process as cfm_process
from services.dhcp import policy as dhcp_policy
from services.mps import policy as mps_policy
from services.sidecar import process as sidecar_process

config_option = click.option(
    "--config", "path", type=click.Path(path_type=Path), required=True, help="The instance's YAML file."
)


@click.group()
def run() -> None:
    """Run one instance until it is stopped."""


def _sidecar(service: str, budget: Budget, what: str) -> None:
    @run.command(service, help=f"The sidecar of {what}.")
    @config_option
    def command(path: Path) -> None:
        sys.exit(sidecar_process.run(load(path), service, budget).code)


_sidecar("dhcp", dhcp_policy.BUDGET, "a DHCP server")
_sidecar("mps", mps_policy.BUDGET, "a Multimedia Provisioning Service")


@run.command("cfm")
@config_option
def _cfm(path: Path) -> None:
    """A Configuration File Manager: takes rows, builds files, serves TFTP."""
    config: Config = load(path)
    sys.exit(cfm_process.run(config).code)
