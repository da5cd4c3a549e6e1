"""What brokers do to a site: topics made anew, rights taken away."""

from pathlib import Path

import pytest

from tests.integration.lab_run import deployed, run_lab, written

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]


def test_topics_made_anew_while_modems_boot_cost_nothing_and_a_role_log_its_sidecars(
    environment: dict[str, str], tmp_path: Path
) -> None:
    steps = [
        {"boot": {"meanwhile": [{"recreate": ["config"]}, {"wait_ready": {"within_s": 30, "whole": True}}]}},
        {"kill": ["cfm-2"]},
        {"forget": ["cfm-2"]},
        {"start": ["cfm-2"]},
        {"wait_ready": 30},
        {"recreate": ["failover"]},
        {"says": {"names": ["dhcp-1", "mps-1"], "missing": "the role log, which is not what it was"}},
    ]
    expect = deployed("topic-recreated")["expect"] | {"boots": 1, "topics_recreated": 2, "reasons_said": 2}
    path = written(tmp_path, "topic-recreated", steps=steps, expect=expect, boot_window_s=15)
    run_lab(environment, path, 60)


def test_rights_that_are_taken_away_and_given_back_cost_no_modem_and_no_process(
    environment: dict[str, str], tmp_path: Path
) -> None:
    scenario = deployed("right-taken-away")
    steps, expect = scenario["steps"][:1], scenario["expect"] | {"boots": 1}
    path = written(tmp_path, "right-taken-away", steps=steps, expect=expect, boot_window_s=20)
    run_lab(environment, path, 60)
