"""What devices are told in each subnet, and whether that is what we have for them: classes and levels.

A real Kea gives the same answers in tests/integration/test_kea_doctor.py.
"""

import copy
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.examination import examine
from services.dhcp.kea.doctor.remarks import Report, report

Config = dict[str, Any]
Change = Callable[[Config], Any]

JOURNAL = "/var/lib/kea/kea-leases4.csv"
DOCSIS = "substring(option[60].hex,0,6) == 'docsis'"
PKTC = "substring(option[60].hex,0,4) == 'pktc'"
NORTH = "option[82].option[1].hex == 'north'"
MODEM = LeaseFile("cm", "modem.cm", ("cfm-1",))
ADAPTER = LeaseFile("mta", "adapter.cfg", ("cfm-2",), frozenset(), (IPv4Network("10.128.0.0/9"),))
SERVERS = {"cfm-1": "192.0.2.11", "cfm-2": "192.0.2.12"}
WRONG = "next-server 192.0.2.99 gets no rows of modem.cm: write 192.0.2.11 (cfm-1)"
CONFIG: Config = {
    "lease-database": {"type": "memfile", "persist": True, "name": JOURNAL, "lfc-interval": 3600},
    "hooks-libraries": [{"library": "/usr/lib/kea/hooks/libdhcp_lease_cmds.so"}],
    "store-extended-info": True,
    "boot-file-name": "",
    "next-server": "0.0.0.0",
    "client-classes": [
        {"name": "docsis", "test": DOCSIS, "boot-file-name": "modem.cm", "next-server": "192.0.2.11"},
        {"name": "pktc", "test": PKTC, "boot-file-name": "adapter.cfg", "next-server": "192.0.2.12"},
    ],
    "shared-networks": [],
    "subnet4": [
        {"id": 1, "subnet": "10.0.0.0/8", "pools": [{"client-class": "docsis"}, {"client-class": "pktc"}]}
    ],
}


def examined(change: Change, *files: LeaseFile, version: str = "2.2.0") -> Report:
    config = copy.deepcopy(CONFIG)
    change(config)
    return report(examine(config, version, JOURNAL, files or (MODEM, ADAPTER), SERVERS))


def findings(change: Change, *files: LeaseFile) -> list[str]:
    made = examined(change, *files)
    assert made.notes == []
    return made.findings


def docsis(config: Config, **values: Any) -> None:
    """Set these of the modems' class; None takes a field away."""
    for name, value in values.items():
        config["client-classes"][0][name.replace("_", "-")] = value
    config["client-classes"][0] = {k: v for k, v in config["client-classes"][0].items() if v is not None}


def share(config: Config, **values: Any) -> Config:
    """Put the subnets into a shared network."""
    network = {"name": "n", "subnet4": config.pop("subnet4"), **values}
    config["shared-networks"] = [network]
    return network


def before(config: Config, **values: Any) -> None:
    """Define a class before the others."""
    config["client-classes"].insert(0, {"name": "a", **{k.replace("_", "-"): v for k, v in values.items()}})


def after(config: Config, **values: Any) -> None:
    config["client-classes"].append({"name": "z", **{k.replace("_", "-"): v for k, v in values.items()}})


def without_server(config: Config, where: Config | None = None, server: str = "192.0.2.99") -> None:
    """The class leaves the server to this level."""
    docsis(config, next_server="0.0.0.0")
    if where is not None:
        where["next-server"] = server


def second(config: Config, **values: Any) -> Config:
    """A second subnet."""
    one: Config = {"id": 2, "subnet": "172.16.0.0/16", "pools": [{}], **values}
    config["subnet4"].append(one)
    return one


def test_nothing_is_wrong_with_what_we_deploy() -> None:
    assert findings(lambda config: None) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: without_server(c, c["subnet4"][0]), f"subnet 1: {WRONG}"),
        (lambda c: without_server(c, c), f"Dhcp4: {WRONG}"),
        (lambda c: without_server(c, share(c)), f"shared network n: {WRONG}"),
        (
            lambda c: without_server(c, second(c, pools=[{"client-class": "docsis"}]), "192.0.2.11"),
            'client class docsis: modem.cm without a server in subnet 1: write "next-server" beside it',
        ),
        (
            lambda c: without_server(c),
            'client class docsis: modem.cm without a server: write "next-server" beside it',
        ),
        (lambda c: before(c, test=DOCSIS, next_server="192.0.2.99"), f"client class a: {WRONG}"),
        (
            lambda c: before(c, test=DOCSIS, boot_file_name="other.cm"),
            "client class a: its boot-file-name other.cm goes before modem.cm of client class docsis: a "
            "device is in both, and the first class that has the field counts: write the name into one of "
            "them",
        ),
        (
            lambda c: docsis(c, only_if_required=True),
            "client class docsis: gives modem.cm to nobody: it is only-if-required, and no subnet, pool or "
            "shared "
            'network asks for it: remove "only-if-required"',
        ),
        (
            lambda c: docsis(c, only_in_additional_list=True),
            "client class docsis: gives modem.cm to nobody: it is only-in-additional-list, and no subnet, "
            "pool or "
            'shared network asks for it: remove "only-in-additional-list"',
        ),
        (
            lambda c: docsis(c, test=None),
            "client class docsis: gives modem.cm to nobody: no device is in a class without a test: write "
            '"test": "substring(option[60].hex,0,6) == \'docsis\'"',
        ),
        (
            lambda c: c["subnet4"][0].update({"client-class": "pktc"}),
            "client class docsis: gives modem.cm to nobody: no subnet or pool serves its devices: look at "
            "their client-class",
        ),
        (
            lambda c: c["subnet4"][0]["pools"].pop(0),
            "client class docsis: gives modem.cm to nobody: no subnet or pool serves its devices: look at "
            "their client-class",
        ),
        (
            lambda c: docsis(c, boot_file_name="other.cm"),
            'modem.cm of minter.kea.files: nothing gives it out: write "boot-file-name": "modem.cm" and '
            '"next-server" into a client class',
        ),
    ],
)
def test_what_keeps_a_modem_from_its_file_is_named_with_its_place(change: Change, said: str) -> None:
    assert findings(change) == [said]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["subnet4"][0].update({"next-server": "192.0.2.99", "boot-file-name": "other.cm"}),
        lambda c: c.update({"next-server": "192.0.2.99", "boot-file-name": "other.cm"}),
        lambda c: share(c, **{"next-server": "192.0.2.99"}),
        lambda c: after(c, test=DOCSIS, boot_file_name="other.cm", next_server="192.0.2.99"),
        lambda c: before(c, test=PKTC),
        lambda c: before(c, test="not member('docsis')", next_server="192.0.2.99"),
        lambda c: before(c, test="substring(option[60].hex,0,3) == 'PXE'", boot_file_name="pxe.0"),
        lambda c: before(c, boot_file_name="other.cm", next_server="192.0.2.99"),  # no test: nobody is in it
        lambda c: before(
            c, test=DOCSIS, boot_file_name="other.cm", next_server="192.0.2.99", only_if_required=True
        ),
        lambda c: without_server(c, c["subnet4"][0], "192.0.2.11"),
        lambda c: without_server(c, share(c), "192.0.2.11"),
        lambda c: (
            docsis(c, only_if_required=True),
            c["subnet4"][0].update({"require-client-classes": ["docsis"]}),
        ),
        lambda c: (docsis(c, only_if_required=True), share(c, **{"require-client-classes": ["docsis"]})),
        lambda c: (
            docsis(c, only_if_required=True, test=None),
            c["subnet4"][0].update({"evaluate-additional-classes": ["docsis"]}),
        ),
        lambda c: second(c, subnet="192.168.0.0/16", pools=[{"client-class": "cpe"}]),
        lambda c: (docsis(c, boot_file_name=None), c.update({"boot-file-name": "modem.cm"})),
        lambda c: (docsis(c, boot_file_name=None, next_server=None), share_named(c)),
    ],
)
def test_what_does_not_reach_a_modem_is_passed_over(change: Change) -> None:
    assert findings(change, MODEM) == []


def share_named(config: Config) -> None:
    """Name and server from the levels alone, with values outside that do not count."""
    share(config, **{"next-server": "192.0.2.11", "boot-file-name": "modem.cm"})
    config.update({"next-server": "192.0.2.99", "boot-file-name": "other.cm"})


def test_an_inner_0_0_0_0_hides_the_server_around_it_and_an_empty_name_does_not() -> None:
    def change(config: Config) -> None:
        docsis(config, boot_file_name=None, next_server=None)
        config.update({"next-server": "192.0.2.11", "boot-file-name": "modem.cm"})
        config["subnet4"][0].update({"next-server": "0.0.0.0", "boot-file-name": ""})

    assert findings(change) == ['Dhcp4: modem.cm without a server: write "next-server" beside it']


def test_a_wrong_global_server_is_one_line_whatever_inherits_it() -> None:
    def change(config: Config) -> None:
        without_server(config, config)
        config["subnet4"] = [{"id": n, "subnet": f"10.{n}.0.0/16", "pools": [{}]} for n in range(1, 200)]

    assert findings(change) == [f"Dhcp4: {WRONG}"]


def test_a_server_that_many_subnets_lack_is_one_line() -> None:
    def change(config: Config) -> None:
        without_server(config)
        config["subnet4"] = [{"id": n, "subnet": f"10.{n}.0.0/16", "pools": [{}]} for n in range(1, 200)]
        config["subnet4"][7]["next-server"] = "192.0.2.11"

    assert findings(change) == [
        'client class docsis: modem.cm without a server in subnet 1 and 197 more: write "next-server" '
        "beside it"
    ]


def test_a_class_that_includes_the_modems_class_never_gives_its_own_name_out() -> None:
    gold = LeaseFile("cm", "gold.cm", ("cfm-1",), frozenset({1}))

    def change(config: Config) -> None:
        after(
            config, test=f"member('docsis') and {NORTH}", boot_file_name="gold.cm", next_server="192.0.2.11"
        )

    assert findings(change, gold) == [
        "client class docsis: its boot-file-name modem.cm goes before gold.cm of client class z: a device "
        "is in both, and the first class that has the field counts: write the name into one of them"
    ]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"next_server": "192.0.2.99"}, "next-server"),
        ({"boot_file_name": "other.cm"}, "boot-file-name"),
        ({"boot_file_name": "other.cm", "next_server": "192.0.2.99"}, "boot-file-name and next-server"),
    ],
)
def test_what_nobody_can_tell_is_noted_with_the_class(values: dict[str, str], fields: str) -> None:
    made = examined(lambda config: before(config, test=NORTH, **values), MODEM)
    assert made.findings == []
    assert made.notes == [
        f"client class a: its {fields} would go before modem.cm of client class docsis for a device in "
        "both, and nobody can tell from the tests whether there is one: try --ask with its MAC"
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: after(c, test=NORTH, boot_file_name="other.cm", next_server="192.0.2.99"),
        lambda c: before(c, test=NORTH, boot_file_name="modem.cm", next_server="192.0.2.11"),
        lambda c: before(
            c, test="member('KNOWN')", boot_file_name="other.cm"
        ),  # comes after those with a test
    ],
)
def test_what_changes_nothing_is_not_noted(change: Change) -> None:
    assert examined(change, MODEM).notes == []


def test_another_cfm_of_the_same_file_is_as_good() -> None:
    both = MODEM._replace(cfms=("cfm-1", "cfm-2"))
    assert examined(lambda config: before(config, test=NORTH, next_server="192.0.2.12"), both).notes == []


def test_a_class_of_which_nobody_knows_counts_before_the_levels() -> None:
    def change(config: Config) -> None:
        without_server(config, config, "192.0.2.11")
        after(config, test=NORTH, next_server="192.0.2.99")

    assert len(examined(change, MODEM).notes) == 1


def test_a_subnet_in_which_nothing_gives_the_file_out_is_noted() -> None:
    def change(config: Config) -> None:
        docsis(config, boot_file_name=None, next_server=None)
        config["subnet4"][0].update({"boot-file-name": "modem.cm", "next-server": "192.0.2.11"})
        second(config)

    made = examined(change, MODEM)
    assert made.findings == []
    (note,) = made.notes
    assert note.startswith("subnet 2: no class or level gives modem.cm out there")
    limited = MODEM._replace(subnet_ids=frozenset({1}))
    assert findings(change, limited) == []


def test_a_file_that_an_earlier_one_leaves_nothing_is_named() -> None:
    bare = MODEM._replace(takes_no_remote_id=True, subnet_ids=frozenset({1}))
    assert findings(lambda config: None, MODEM, bare) == []  # it is for leases that the first one leaves
    other = LeaseFile("cm", "other.cm", ("cfm-1",))
    (finding,) = findings(lambda config: None, MODEM, other)
    assert finding.startswith("other.cm of minter.kea.files: no subnet of this Kea is left for it")
    (finding,) = findings(
        lambda config: None, MODEM, ADAPTER._replace(networks=(IPv4Network("172.16.0.0/16"),))
    )
    assert finding.startswith("adapter.cfg of minter.kea.files: no subnet")


def test_a_guard_of_which_nobody_can_tell_may_let_a_modem_in() -> None:
    def change(config: Config) -> None:
        after(config, test=NORTH)
        config["subnet4"][0]["pools"] = [{"client-class": "z"}]
        docsis(config, next_server="192.0.2.99")

    assert findings(change, MODEM) == [f"client class docsis: {WRONG}"]


def test_a_subnet_that_lets_no_modem_in_need_not_give_the_file_out() -> None:
    def change(config: Config) -> None:
        docsis(config, boot_file_name=None, next_server=None)
        config["subnet4"][0].update({"boot-file-name": "modem.cm", "next-server": "192.0.2.11"})
        second(config, **{"client-class": "pktc"})

    assert findings(change, MODEM) == []


def test_a_name_of_a_level_goes_with_the_server_of_a_class_that_has_no_name() -> None:
    def change(config: Config) -> None:
        docsis(config, boot_file_name=None)
        config["client-classes"][1].pop("boot-file-name")  # an adapter's, and no modem is in it
        config["boot-file-name"] = "modem.cm"

    assert findings(change, MODEM) == []

    def wrong(config: Config) -> None:
        change(config)
        docsis(config, next_server="192.0.2.99")

    assert findings(wrong, MODEM) == [f"client class docsis: {WRONG}"]

    def other(config: Config) -> None:
        change(config)
        docsis(config, next_server="0.0.0.0")
        after(config, test=NORTH, boot_file_name="other.cm", next_server="192.0.2.11")
        config["next-server"] = "192.0.2.99"

    assert findings(other, MODEM) == [f"Dhcp4: {WRONG}"]


def test_a_kea_without_subnets_gives_nothing() -> None:
    (finding,) = findings(lambda config: config.update(subnet4=[]))
    assert finding.startswith("Dhcp4: there is no subnet")


def printed(guard: str, **levels: Any) -> Config:
    """A configuration as `config-get` prints it; `guard` is the key of a pool's class, whose form changed."""
    subnet = {
        "4o6-interface": "",
        "id": 1,
        "option-data": [],
        "pools": [
            {
                guard: names if guard.endswith("es") else names[0],
                "option-data": [],
                "pool": "10.0.0.1-10.0.0.9",
            }
            for names in (["docsis"], ["pktc"])
        ],
        "relay": {"ip-addresses": []},
        "reservations": [],
        "store-extended-info": True,
        "subnet": "10.0.0.0/8",
        "valid-lifetime": 86400,
        **levels,
    }
    classes = [
        {**one, "option-data": [], "option-def": [], "server-hostname": ""}
        for one in CONFIG["client-classes"]
    ]
    switches = {
        "reservations-global": False,
        "reservations-in-subnet": True,
        "reservations-out-of-pool": False,
    }
    return {
        **CONFIG,
        **switches,
        **levels,
        "client-classes": classes,
        "reservations": [],
        "subnet4": [subnet],
    }


@pytest.mark.parametrize(
    ("version", "config"),
    [
        ("2.2.0", printed("client-class")),
        ("2.6.3", printed("client-class", allocator="iterative")),
        ("3.0.4", printed("client-classes", **{"allocator": "iterative", "cache-threshold": 0.0})),
    ],
)
def test_what_each_version_prints_is_read(version: str, config: Config) -> None:
    assert report(examine(config, version, JOURNAL, [MODEM, ADAPTER], SERVERS)) == Report([], [])
    unguarded = copy.deepcopy(config)
    unguarded["subnet4"][0]["pools"].pop(0)
    (finding,) = report(examine(unguarded, version, JOURNAL, [MODEM, ADAPTER], SERVERS)).findings
    assert finding.startswith("client class docsis: gives modem.cm to nobody: no subnet or pool serves")


def test_the_newest_assumes_a_cache_and_prints_it_on_every_level() -> None:
    config = printed("client-classes", **{"cache-threshold": 0.25})
    assert report(examine(config, "3.0.4", JOURNAL, [MODEM, ADAPTER], SERVERS)).findings == [
        'Dhcp4: a modem that boots again early leaves no lease: write "cache-threshold": 0.0'
    ]
