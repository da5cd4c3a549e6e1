"""The secrets of the plant in a run of the lab: where they are, and where they are not."""

import json
import subprocess
from pathlib import Path
from urllib.request import urlopen

import yaml

from bus.routes import ROUTES
from services.lab.site.processes import ask
from services.settings.judging import catalogue_problems
from services.settings.secret_values import secret_values
from services.settings.store import read_catalogue
from tests.integration.lab_run import ROOT, SCENARIOS, TIMEOUT_S, command, held_lab, read_topic

SETTINGS = SCENARIOS.parent / "settings" / "lab.yaml"
MASK = b"********"
SHOWN = (
    *(("settings", "show", "-o", form) for form in ("table", "json", "yaml")),
    ("settings", "show", "residential"),
    ("settings", "history"),
    ("trace", "001a.2c00.0001"),
    ("fleet", "status", "-o", "json"),
)


def provbus(*words: str) -> bytes:
    done = subprocess.run(command(*words), cwd=ROOT, capture_output=True, check=False, timeout=TIMEOUT_S)
    return done.stdout + done.stderr


def places_of(config: Path, other: Path) -> dict[str, bytes]:
    """What one instance shows an operator and whoever asks for a page, by the place."""
    said = yaml.safe_load(config.read_text())
    diff = ("settings", "diff", str(other))
    found = {" ".join(words): provbus(*words, "--config", str(config)) for words in (*SHOWN, diff)}
    found["status"] = json.dumps(ask(Path(said["local"]["socket"]), {"op": "status"})).encode()
    for page in ("readyz", "metrics"):
        with urlopen(f"http://{said['http']['listen']}/{page}", timeout=TIMEOUT_S) as response:
            found[page] = response.read()
    return {f"{config.stem}: {name}": data for name, data in found.items()}


def test_no_secret_of_the_settings_is_anywhere_but_in_the_files_of_modems(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Under umask 0: not in logs, journals, topics, state files, pages, or what an operator is shown."""
    lab = read_catalogue(SETTINGS, catalogue_problems).sound()
    secrets = {value.encode() for _, value in secret_values(lab.classes, lab.lookup)}
    assert secrets == {b"lab-write", b"lab-read"}
    other = tmp_path / "other.yaml"
    other.write_text(SETTINGS.read_text().replace("lab-read", "lab-seen").replace("250 Mbit", "300 Mbit"))
    with held_lab(environment, modems=20, mask=0) as report:
        directory = Path(report["endpoints"]["dhcp_socket"]).parent
        configs = sorted(directory.glob("*-[0-9].yaml"))
        bootstrap = yaml.safe_load(configs[0].read_text())["kafka"]["bootstrap"]
        places = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
        exposed = [path for path in (directory / "state").rglob("*") if path.stat().st_mode & 0o077]
        for traffic in (name for name, route in ROUTES.items() if route.topic is not None):
            places[f"topic {traffic}"] = b"\n".join(data for _, data in read_topic(bootstrap, traffic))
        for config in configs:
            places |= places_of(config, other)
        revealed = provbus("settings", "show", "residential", "--reveal", "--config", str(configs[0]))
    assert exposed == []
    assert [
        name for name, data in places.items() if any(one in data for one in (*secrets, b"lab-seen"))
    ] == []
    assert all(one in revealed for one in secrets)  # so what was sought can be found
    masked = {name.split(" ")[2] for name, data in places.items() if MASK in data and ": settings" in name}
    assert masked == {"show", "diff"}
    assert b'"sealed":"00"' in places["topic config"]
    copies = [data for name, data in places.items() if name.endswith("/catalogue.json")]
    assert len(copies) == len(configs)
    assert all(b'"sealed":"00"' in data for data in copies)
