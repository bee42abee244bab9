"""What hurts users of pcs, crmsh and the role ha_cluster: each has a test that is named after it.

A name is that of the issue or the change in the tool's own repository. A test tells it in its
docstring; the first of several is the one that shows the situation as a user has it.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.house.arrows import CHECKOUT

_CHANGE = "unit/pcs_wrapper/change"
_CLUSTER = "unit/pcs_wrapper/cluster"
_FENCING = "unit/pcs_wrapper/fencing"
_HEALTH = "unit/pcs_wrapper/health"
_MEMBERSHIP = "unit/pcs_wrapper/nodes/membership"
_RUNNING = "unit/pcs_wrapper/nodes/running"
_CHECKS = "unit/cib_templates/checks"

ROWS: dict[str, tuple[str, ...]] = {
    "pcs#696": (
        f"{_CHANGE}/test_services.py::test_pacemaker_chooses_where_to",
        "rig/test_service.py::test_move_there_and_back",
    ),
    "pcs#697": (
        f"{_CHANGE}/test_services.py::test_a_move_that_fails_leaves_no_constraint",
        f"{_CHANGE}/test_services.py::test_a_move_that_is_interrupted_leaves_no_constraint",
        f"{_CHANGE}/test_services.py::test_the_constraint_of_a_move_ends_by_itself",
        "rig/test_service.py::test_a_move_that_fails_goes_back",
    ),
    "pcs#243": (
        "unit/pcs_wrapper/pacemaker/test_push.py::test_a_version_that_has_passed_is_looked_at_again",
        "unit/cib_templates/merging/test_merge.py::test_versions_stay_the_live_cib_s",
    ),
    "pcs#241": (
        "unit/pcs_wrapper/pacemaker/test_push.py::test_a_version_that_has_passed_is_looked_at_again",
        "unit/cib_templates/merging/test_merge.py::test_versions_stay_the_live_cib_s",
    ),
    "pcs#926": (f"{_CHANGE}/test_apply.py::test_the_schema_is_asked_before_anything_is_pushed",),
    "pcs#18": (
        f"{_CHANGE}/test_services.py::test_start_proves_that_it_runs_or_says_why_not",
        f"{_RUNNING}/test_start.py::test_a_cluster_that_is_off_is_started_from_any_of_its_nodes",
        "rig/test_service.py::test_stop_and_start",
        "rig/test_cluster_life.py::test_everything_is_stopped_and_started_from_a_node_that_is_off",
    ),
    "pcs#112": (
        f"{_CLUSTER}/test_create.py::test_a_wrong_password_is_told_with_its_cure",
        f"{_CLUSTER}/test_witness.py::test_who_cannot_authenticate_changes_nothing",
        f"{_RUNNING}/test_start.py::test_a_node_that_this_one_may_not_command_needs_a_password",
    ),
    "pcs#252": (
        f"{_CLUSTER}/test_create.py::test_a_wrong_password_is_told_with_its_cure",
        f"{_RUNNING}/test_start.py::test_a_node_that_this_one_may_not_command_needs_a_password",
    ),
    "pcs#461": (
        f"{_MEMBERSHIP}/test_add.py::test_sbd_and_the_start_at_boot_are_as_on_this_node",
        f"{_MEMBERSHIP}/test_add.py"
        "::test_sbd_with_watchdogs_alone_needs_a_tie_breaker_for_an_even_number",
    ),
    "pcs#509": (
        f"{_CHANGE}/test_services.py"
        "::test_a_move_against_an_order_inside_the_group_is_refused_in_words",
        f"{_CHANGE}/test_held_up.py::test_an_order_against_a_group_stops_an_apply_before_its_push",
        "unit/cib_templates/cib/administration/test_ordering.py"
        "::test_an_order_against_the_groups_is_found",
    ),
    "pcs#279": (f"{_HEALTH}/test_status.py::test_what_a_newer_crm_mon_adds_changes_nothing",),
    "pcs#197": (
        "rig/on_host/test_filesystem_holders.py::test_the_cluster_survives_a_stop",
        "unit/ocf_agents/disk/test_parameters.py"
        "::test_the_clusters_services_are_known_by_their_unit",
    ),
    "pcs#52": (
        f"{_HEALTH}/test_status.py::test_status_asks_no_other_node",
        f"{_HEALTH}/test_losses.py::test_a_corosync_that_does_not_answer_is_an_error",
        f"{_FENCING}/test_list.py::test_a_device_that_hangs_holds_nobody_up",
        "unit/pcs_wrapper/nodes/test_listing.py::test_a_node_that_hangs_delays_nothing",
        "rig/test_nodes.py::test_a_node_that_hangs_delays_no_list",
    ),
    "pcs#138": (
        f"{_HEALTH}/test_status.py::test_status_asks_no_other_node",
        "unit/pcs_wrapper/nodes/test_listing.py::test_a_node_that_hangs_delays_nothing",
    ),
    "pcs#213": (
        f"{_HEALTH}/test_status.py::test_status_asks_no_other_node",
        "unit/pcs_wrapper/nodes/test_listing.py::test_a_node_that_hangs_delays_nothing",
    ),
    "pcs#471": (
        f"{_FENCING}/test_history.py::test_all_attempts_stand_in_one_order_with_what_is_known",
    ),
    "pcs#57": (f"{_CHANGE}/test_services.py::test_start_proves_that_it_runs_or_says_why_not",),
    "pcs#215": ("unit/cib_templates/rendering/test_render.py::test_an_app_may_be_any_agent",),
    "pcs#233": (
        f"{_CHANGE}/test_services.py::test_restart_of_a_part_while_it_is_unmanaged",
        "rig/test_service.py::test_restart_also_while_it_is_unmanaged",
    ),
    "pcs#649": (
        "conformance/test_command.py::test_the_cause_of_meta_data_that_cannot_be_read_is_shown",
    ),
    "pcs 0.12 changelog": (
        f"{_CHANGE}/test_apply.py::test_a_cluster_of_another_name_is_refused",
        f"{_CHANGE}/test_apply.py::test_a_node_that_is_to_be_renamed_is_told_how",
        f"{_CHANGE}/test_apply.py::test_a_description_does_not_take_the_last_fencing_out",
        f"{_CHANGE}/test_rollback.py::test_the_last_fencing_is_not_taken_out_by_accident",
        f"{_CHECKS}/test_advice.py::test_a_meta_attribute_without_effect_is_told",
        f"{_HEALTH}/test_condition.py"
        "::test_what_pacemaker_says_of_the_configuration_is_told_in_its_words",
    ),
    "crmsh#1201": (
        "unit/pcs_wrapper/pacemaker/test_push.py::test_an_edit_of_the_same_object_is_kept",
    ),
    "crmsh#461": (
        "unit/pcs_wrapper/pacemaker/test_push.py::test_an_edit_of_the_same_object_is_kept",
    ),
    "crmsh#1814": (
        f"{_MEMBERSHIP}/test_evict.py"
        "::test_a_node_whose_power_no_device_knows_is_evicted_by_its_name",
        "rig/test_cluster_members.py::test_a_dead_node_is_evicted_and_comes_back",
    ),
    "crmsh#735": (
        f"{_CLUSTER}/test_witness.py::test_a_watchdog_that_would_not_wait_for_the_vote",
        f"{_CHECKS}/test_cluster_tables.py"
        "::test_watchdogs_alone_wait_longer_than_the_quorum_device",
    ),
    "crmsh#1991": (
        f"{_CLUSTER}/test_witness.py::test_a_watchdog_that_would_not_wait_for_the_vote",
        f"{_CHECKS}/test_cluster_tables.py::test_two_nodes_with_watchdogs_alone_are_refused",
        f"{_CHECKS}/test_cluster_tables.py"
        "::test_watchdogs_alone_wait_longer_than_the_quorum_device",
    ),
    "crmsh#2117": (
        f"{_CLUSTER}/test_create.py"
        "::test_a_disk_that_another_node_does_not_have_is_told_before_it_is_written_to",
        f"{_FENCING}/test_sbd.py::test_a_node_that_has_another_disk_is_named",
    ),
    "crmsh#2135": (
        f"{_RUNNING}/test_start.py::test_a_node_with_another_corosync_conf_is_left_off",
        f"{_RUNNING}/test_restart.py::test_a_node_with_another_corosync_conf_is_in_the_way",
        f"{_MEMBERSHIP}/test_add.py::test_a_cluster_whose_files_differ_is_given_no_node",
        f"{_FENCING}/test_sbd.py::test_a_node_that_has_another_disk_is_named",
    ),
    "crmsh#1826": (
        f"{_MEMBERSHIP}/test_remove.py::test_a_node_whose_cluster_is_off_is_destroyed_all_the_same",
        f"{_MEMBERSHIP}/test_remove.py"
        "::test_a_node_that_cannot_be_reached_keeps_its_configuration_and_that_is_told",
        "rig/test_cluster_members.py::test_a_node_that_is_off_is_removed_and_destroyed",
    ),
    "crmsh#1981": (
        f"{_MEMBERSHIP}/test_add.py::test_the_witness_must_be_known",
        "rig/test_votes.py::test_a_removed_node_comes_back_beside_a_witness",
    ),
    "crmsh#1674": (
        f"{_CLUSTER}/test_create.py::test_a_missing_package_is_told_at_once",
        f"{_RUNNING}/test_start.py::test_what_pcs_says_of_a_service_that_fails_is_shown_at_once",
    ),
    "crmsh#2101": (
        f"{_RUNNING}/test_start.py"
        "::test_a_node_that_does_not_join_is_told_with_the_service_that_does_not_run",
        f"{_RUNNING}/test_start.py::test_what_pcs_says_of_a_service_that_fails_is_shown_at_once",
    ),
    "crmsh#872": (f"{_RUNNING}/test_stop.py::test_sbd_must_be_stopped_too",),
    "crmsh#2147": (
        "unit/pcs_wrapper/nodes/test_listing.py::test_a_maintenance_that_a_restart_ends_is_told",
        f"{_RUNNING}/test_restart.py::test_a_cluster_that_is_not_well_is_not_restarted",
        f"{_RUNNING}/test_restart.py::test_what_pacemaker_leaves_alone_is_in_the_way",
        f"{_CHANGE}/test_services.py::test_maintenance",
        "rig/test_cluster_life.py::test_a_cluster_that_is_not_well_is_not_restarted",
    ),
    "crmsh PR#1932": (
        f"{_FENCING}/test_sbd.py::test_one_command_checks_sbd_and_says_what_mends_it",
    ),
    "ha_cluster#175": (f"{_CLUSTER}/test_create.py::test_a_second_run_destroys_nothing",),
    "ha_cluster PR#262": (
        f"{_CLUSTER}/test_witness.py::test_a_witness_that_does_not_vote_is_added_anew",
    ),
    "os-autoinst-distri-opensuse#25656": (
        f"{_CHANGE}/test_services.py::test_the_constraint_of_a_move_ends_by_itself",
    ),
}
#: What no test can be named after, with the reason.
NOT_HERE = {
    "pcs#179": "pcsd takes a password of hacluster's, and no key: it is asked for once, or read "
    "from a file that only root can read, and then pcs keeps a token",
    "pcs#78": "remote nodes are neither described nor added",
    "pcs#228": "tickets cannot be described",
    "pcs#230": "tickets cannot be described",
    "pcs#199": "alerts cannot be described",
    "crmsh#175": "there is no command that writes a report",
    "crmsh PR#1554": "there is no command that writes a report",
}
#: How such a row is named in a docstring.
_NAMES = re.compile(r"\b(?:(?:pcs|crmsh)#\d+|(?:crmsh|ha_cluster) PR#\d+|ha_cluster#\d+)")
#: What else tests are named after.
_OTHERS = {"crmsh#874"}


def _docstring(test: str) -> str:
    """Return the docstring of a test; it must be there."""
    file, _, name = test.partition("::")
    tree = ast.parse((CHECKOUT / "tests" / file).read_text())
    [function] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return ast.get_docstring(function) or ""


@pytest.mark.parametrize("row", ROWS)
def test_what_hurts_elsewhere_has_a_test_of_its_name(row: str) -> None:
    """Whoever renames or removes it decides what shows the situation instead."""
    for test in ROWS[row]:
        assert row in _docstring(test), test
    assert row not in NOT_HERE


def test_every_name_in_a_test_is_in_the_list() -> None:
    """So that the list is whole; a name that tests have alone is none of a row."""
    files = (CHECKOUT / "tests").rglob("test_*.py")
    named = {name for file in files if file.name != "test_what_users_ask_for.py"
             for name in _NAMES.findall(file.read_text())}  # fmt: skip
    assert named - _OTHERS <= {*ROWS}
