"""Every metric of provbus: those of the bus, and those of the services."""

from bus.telemetry import metrics
from bus.telemetry.metrics import Metric, MetricKind

HANDOFF_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.5, 1.0, 5.0)
"""From a round trip on loopback over the budget of a DHCP sidecar (0.15 s) to that of an MPS sidecar."""

_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

METRICS: dict[str, Metric] = {
    **metrics.METRICS,
    # Settings.
    "provbus_settings_faults": Metric(_GAUGE, "Places in the settings in force that a CMTS would reject."),
    "provbus_settings_generation": Metric(_GAUGE, "Generation of the settings in force; 0 without settings."),
    # Minters.
    "provbus_fileids_total": Metric(_COUNTER, "FileIDs by what became of them.", ("outcome",)),
    "provbus_handoff_events_total": Metric(
        _COUNTER,
        "Rows that were sent again or that a CFM refused, and acks too late or of a CFM not asked.",
        ("event",),
    ),
    "provbus_settings_locked_total": Metric(
        _COUNTER, "Settings that could not be opened, for want of the key that sealed them."
    ),
    "provbus_handoff_seconds": Metric(_HISTOGRAM, "From a FileID's creation to the end of its hand-off."),
    "provbus_unknown_pulls_total": Metric(_COUNTER, "Names that a CFM pulled and that are not remembered."),
    "provbus_disowned_names_total": Metric(
        _COUNTER, "Names under the seal key of a minter that never made them: somebody else has that key."
    ),
    "provbus_places_ignored_total": Metric(
        _COUNTER, "Beats of CFMs that announced a place which nobody can reach."
    ),
    "provbus_peers": Metric(_GAUGE, "Instances by service and state.", ("service", "state")),
    "provbus_beat_age_seconds": Metric(_GAUGE, "Age of an instance's latest beat.", ("peer",)),
    "provbus_clock_skew_seconds": Metric(
        _GAUGE, "How far an instance's wall clock was ahead of ours with its latest beat.", ("peer",)
    ),
    "provbus_leaps_refused_total": Metric(
        _COUNTER, "Messages whose number went up further than one may at once.", ("number",)
    ),
    "provbus_detector_stretch": Metric(
        _GAUGE, "How many times longer a silence must be because our own beats come back slowly."
    ),
    # The switch of the transport.
    "provbus_switch_step": Metric(
        _GAUGE, "1 for the step taken last in a switch of the transport, 0 for the others.", ("step",)
    ),
    "provbus_switch_steps_total": Metric(_COUNTER, "Steps that were taken in switches of the transport."),
    # Who reads the role log.
    "provbus_role_records_unproven_total": Metric(
        _COUNTER, "Records of the role log that did not count: unproven, revoked or played again."
    ),
    "provbus_role_log_position": Metric(_GAUGE, "The last offset of the role log that was read, or -1."),
    "provbus_role_log_disagreements_total": Metric(
        _COUNTER, "Times that other readers of the role log, fewer than half, came to something else."
    ),
    "provbus_failover_state": Metric(
        _GAUGE, "1 for the state in the election of the role, 0 for the others.", ("state",)
    ),
    "provbus_host_silences_total": Metric(
        _COUNTER, "Times that the attached host service stood still while it might act."
    ),
    "provbus_namesake_state": Metric(
        _GAUGE, "1 for how this process stands to another one of its name, 0 for the others.", ("state",)
    ),
    "provbus_reason": Metric(
        _GAUGE, "1 for each reason of the verdict of `/readyz`, 0 for those that are not given.", ("code",)
    ),
    "provbus_failover_epoch": Metric(_GAUGE, "The epoch under which the role is held; -1 if it is not."),
    "provbus_failover_transitions_total": Metric(
        _COUNTER, "Changes of that state, by where from and why.", ("state", "cause")
    ),
    "provbus_leases_total": Metric(
        _COUNTER, "Leases of a DHCP server that does not ask, and what became of their rows.", ("outcome",)
    ),
    # Followers of a Kea.
    "provbus_kea_lines_total": Metric(
        _COUNTER, "Lines of Kea's lease journal and entries of its answers, by what they were.", ("what",)
    ),
    "provbus_kea_journal_events_total": Metric(
        _COUNTER, "What happened to Kea's lease journal, by kind.", ("event",)
    ),
    "provbus_kea_behind_seconds": Metric(_GAUGE, "Since when there may be lines that were not read."),
    "provbus_kea_answers": Metric(_GAUGE, "1 while Kea is there and answers modems, as far as is known."),
    # CFMs.
    "provbus_rows_total": Metric(_COUNTER, "Rows that arrived, by the answer to them.", ("status",)),
    "provbus_bad_rows_total": Metric(
        _COUNTER, "Rows that cannot be their sender's own, by what was objected.", ("objection",)
    ),
    "provbus_table_rows": Metric(_GAUGE, "Rows that wait for their read."),
    "provbus_parked_reads": Metric(_GAUGE, "Reads that wait for their row."),
    "provbus_reads_total": Metric(_COUNTER, "Reads that were served, by what served them.", ("how",)),
    "provbus_silent_reads_total": Metric(_COUNTER, "Reads that got no answer, by reason.", ("reason",)),
    "provbus_unbuilt_files_total": Metric(_COUNTER, "Files that could not be built, by reason.", ("reason",)),
    "provbus_lookups_total": Metric(
        _COUNTER, "Lookups of another TFTP server, by what became of them.", ("outcome",)
    ),
    "provbus_audit_untold_total": Metric(
        _COUNTER, "Refused reads that the audit stream was not told of.", ("what",)
    ),
    "provbus_downloads_in_flight": Metric(_GAUGE, "Downloads and parked reads, as the beats say."),
    "provbus_download_p99_seconds": Metric(_GAUGE, "99th percentile of the downloads of the last 10 s."),
    "provbus_tftp_events_total": Metric(_COUNTER, "What happened to TFTP sessions and packets.", ("event",)),
    "provbus_tftp_unsent_total": Metric(_COUNTER, "TFTP datagrams that the kernel did not take."),
    "provbus_tftp_unread_total": Metric(_COUNTER, "TFTP datagrams that the kernel could not hand over."),
    "provbus_tftp_receive_buffer_bytes": Metric(
        _GAUGE, "Receive buffer that the kernel grants a TFTP socket."
    ),
}
