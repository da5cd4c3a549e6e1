"""`provbus run`: the processes of the platform."""

import os
import sys
from functools import partial
from pathlib import Path

import click

from bus import log
from bus.config import Config, load, wrong_mode
from bus.errors import ConfigError
from fileid.handoff import Budget
from services.cfm import process as cfm_process
from services.dhcp import policy as dhcp_policy
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.follower import Follower
from services.mps import policy as mps_policy
from services.sidecar import process as sidecar_process

MODE_VARIABLE = "PROVBUS_TRANSPORT__MODE"
config_option = click.option(
    "--config", "path", type=click.Path(path_type=Path), required=True, help="The instance's YAML file."
)


def _force_mode(_context: click.Context, _option: click.Parameter, mode: str | None) -> str:
    """A flag goes over the environment: it becomes the environment of this process and of its children."""
    if mode is None:
        return ""
    mistake = wrong_mode(mode)
    if mistake:
        raise ConfigError(f"--mode: {mistake}")
    os.environ[MODE_VARIABLE] = mode
    return mode


mode_option = click.option(
    "--mode",
    metavar="bus|multicast",
    envvar=MODE_VARIABLE,
    callback=_force_mode,
    help="The transport, whatever the file says.",
)


@click.group()
def run() -> None:
    """Run one instance until it is stopped."""


def _load(path: Path) -> Config:
    """The configuration of the instance that this process is from now on; it logs as that says."""
    config = load(path)
    is_verbose = click.get_current_context().find_root().params["verbose"]
    level = "info" if is_verbose and config.log.level == "warning" else config.log.level
    log.configure(config.log.format, level)
    return config


def _sidecar(service: str, budget: Budget, what: str) -> None:
    @run.command(service, help=f"The sidecar of {what}.")
    @config_option
    @mode_option
    def command(path: Path, mode: str) -> None:
        sys.exit(sidecar_process.run(_load(path), service, budget).code)


_sidecar("mps", mps_policy.BUDGET, "a Multimedia Provisioning Service")


@run.command("dhcp")
@config_option
@mode_option
def _dhcp(path: Path, mode: str) -> None:
    """The sidecar of a DHCP server: of one that asks, or of a Kea that it follows."""
    config = _load(path)
    kea = None if config.minter is None else config.minter.kea
    if kea is None:
        sys.exit(sidecar_process.run(config, "dhcp", dhcp_policy.BUDGET).code)
    follow = partial(Follower, section=kea, state_directory=config.state_directory)
    sys.exit(sidecar_process.run(config, "dhcp", dhcp_policy.BUDGET, follow, lease_files(kea)).code)


@run.command("cfm")
@config_option
@mode_option
def _cfm(path: Path, mode: str) -> None:
    """A Configuration File Manager: takes rows, builds files, serves TFTP."""
    sys.exit(cfm_process.run(_load(path)).code)
