//! `cargo lab check`, `grade`, `watch` and `doctor` as their users meet them: command lines, exit
//! codes, files, and what is left on the machine afterwards.
//!
//! Most of them check programs in Python: without Python they are shown as
//! ignored. So are those that take minutes; `cargo test -p lab-check --test
//! check-tool -- --ignored` runs them. What is left on a machine is read from
//! /proc, so on Linux. A hand-out has no gallery, and none of these tests.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "long tests show what they found and measured"
)]

#[cfg(all(has_gallery, target_os = "linux"))]
mod address;
#[cfg(all(has_gallery, target_os = "linux"))]
mod command_line;
#[cfg(all(has_gallery, target_os = "linux"))]
mod doctor;
#[cfg(all(has_gallery, target_os = "linux"))]
mod golden;
#[cfg(all(has_gallery, target_os = "linux"))]
mod grading;
#[cfg(all(has_gallery, target_os = "linux"))]
mod habits;
#[cfg(all(has_gallery, target_os = "linux"))]
mod hostile;
#[cfg(all(has_gallery, target_os = "linux"))]
mod pictures;
#[cfg(all(has_gallery, target_os = "linux"))]
#[path = "../python/mod.rs"]
mod python;
#[cfg(all(has_gallery, target_os = "linux"))]
mod repeats;
#[cfg(all(has_gallery, target_os = "linux"))]
mod reports;
#[cfg(all(has_gallery, target_os = "linux"))]
mod strangers;
#[cfg(all(has_gallery, target_os = "linux"))]
mod tool;
#[cfg(all(has_gallery, target_os = "linux"))]
mod watching;

use std::process::ExitCode;

#[cfg(not(all(has_gallery, target_os = "linux")))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

/// The test that runs a check as a user who may not kill what is checked.
#[cfg(all(has_gallery, target_os = "linux"))]
const MAY_NOT_BE_KILLED: &str =
    "hostile::one_that_may_not_be_killed_holds_up_neither_the_check_nor_ctrl_c";

/// The tests for which a sheet's port has to be free.
#[cfg(all(has_gallery, target_os = "linux"))]
const NEED_SHEETS_PORTS: [&str; 3] = [
    "address::on_a_shared_network_the_last_cases_connections_are_waited_for",
    "doctor::it_says_what_is_there_and_who_holds_a_port",
    "watching::a_check_that_cannot_be_done_is_shown_and_done_after_the_next_change",
];

/// The tests that need a network of their own.
#[cfg(all(has_gallery, target_os = "linux"))]
const NEED_NETWORKS: [&str; 6] = [
    "address::where_networks_can_be_made_a_taken_port_is_in_nobodys_way",
    "address::each_case_has_its_own_network_unless_it_is_to_be_shared",
    "strangers::a_client_that_goes_elsewhere_is_told_where",
    "strangers::any_name_leads_a_client_to_the_check",
    "strangers::an_address_of_the_internet_leads_a_client_to_the_check_where_the_sheet_has_one",
    WITHOUT_ROOT[0],
];

/// The tests that make networks as an ordinary user.
#[cfg(all(has_gallery, target_os = "linux"))]
const WITHOUT_ROOT: [&str; 2] = [
    "strangers::without_root_each_case_has_its_own_network_too",
    "pictures::an_ordinary_user_sees_the_programs_calls_and_the_segments",
];

/// A test by its function, and why it is not run unless it is asked for.
#[cfg(all(has_gallery, target_os = "linux"))]
type Test = (&'static str, fn(), Option<&'static str>);

#[cfg(all(has_gallery, target_os = "linux"))]
macro_rules! tests {
    ($($module:ident::$name:ident $(, $ignored:literal)?;)*) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($name)),
            $module::$name,
            None::<&str>$(.or(Some($ignored)))?,
        )),*]
    };
}

/// All of them.
#[cfg(all(has_gallery, target_os = "linux"))]
fn all() -> Vec<Test> {
    let all: &[Test] = tests! {
        address::the_holder_of_the_sheets_port_is_named;
        address::the_holder_of_the_sheets_udp_port_is_named;
        address::where_networks_can_be_made_a_taken_port_is_in_nobodys_way;
        address::each_case_has_its_own_network_unless_it_is_to_be_shared;
        address::on_a_shared_network_the_last_cases_connections_are_waited_for;
        doctor::it_says_what_is_there_and_who_holds_a_port;
        doctor::it_says_how_to_get_what_is_missing_on_this_system;
        doctor::it_finds_what_a_check_left_that_is_gone;
        golden::ten_failures_are_told_as_they_were_approved;
        golden::every_readme_section_that_a_failure_names_is_there;
        golden::the_run_in_the_readme_is_the_approved_one;
        grading::every_submission_gets_a_line_and_a_result_whatever_it_does;
        grading::a_submission_that_writes_to_the_results_changes_none_of_them;
        grading::ctrl_c_writes_what_is_known_and_ends_every_program;
        grading::fourteen_students_read_their_score_and_each_mistake_once;
        grading::a_submission_is_built_before_it_is_checked;
        grading::what_a_build_leaves_is_not_taken_for_the_program;
        grading::the_table_of_weights_is_as_the_program_has_it;
        grading::the_help_shows_places_as_they_are_typed;
        grading::what_cannot_be_graded_is_said_before_anything_runs;
        grading::a_hundred_submissions_take_half_the_time_of_full_waits, "takes five minutes and both processors";
        habits::a_program_that_asks_gets_what_the_case_would_have_passed;
        habits::a_program_that_asks_what_nobody_knows_is_told_its_question;
        habits::what_is_typed_stands_in_the_evidence_and_does_not_count_as_printed;
        habits::a_message_is_filled_in_where_there_is_one_and_refused_elsewhere;
        habits::a_case_that_needs_a_message_of_its_own_is_skipped_without_one_and_counts_nothing;
        habits::arguments_come_by_position_and_by_option;
        habits::a_line_without_a_flush_counts_in_every_language;
        habits::a_server_that_compares_texts_is_told_so_by_whichever_case_meets_it;
        hostile::one_that_prints_for_ever_is_stopped_and_told_so;
        hostile::one_that_answers_without_end_takes_neither_memory_nor_time;
        hostile::children_that_leave_the_group_and_ignore_term_are_ended_all_the_same;
        hostile::one_that_forks_again_and_again_is_ended_with_all_of_them;
        hostile::one_that_binds_and_never_accepts_is_named;
        hostile::one_that_ends_at_once_is_quoted;
        hostile::one_that_cannot_be_started_is_a_verdict_with_its_reason;
        hostile::a_program_that_is_not_there_is_a_mistake_of_the_command_line;
        hostile::a_missing_interpreter_is_not_the_programs_mistake;
        command_line::a_wrong_command_line_is_told_with_what_was_meant;
        command_line::the_time_in_which_our_own_program_is_built_does_not_count;
        hostile::one_that_writes_to_the_results_changes_nothing_and_is_told_of;
        hostile::one_that_may_not_be_killed_holds_up_neither_the_check_nor_ctrl_c;
        hostile::one_that_closes_its_output_is_judged_by_what_it_does_on_the_wire;
        hostile::a_udp_server_in_a_group_of_its_own_is_met_all_the_same;
        hostile::twenty_checks_that_are_stopped_leave_no_process_and_no_file;
        hostile::a_check_that_is_killed_outright_takes_its_programs_along;
        hostile::a_whole_check_leaves_no_process;
        pictures::failed_cases_are_drawn_and_no_verdict_changes;
        pictures::a_picture_has_the_programs_calls_and_what_the_check_did;
        pictures::an_ordinary_user_sees_the_programs_calls_and_the_segments;
        pictures::where_nothing_can_be_traced_the_checks_own_record_is_drawn;
        pictures::each_submission_has_a_page_that_harms_nobody_and_an_index_leads_to_it;
        repeats::the_verdict_on_our_own_programs_is_the_same_each_time, "50 rounds take 20 minutes";
        repeats::a_check_of_a_server_that_passes_takes_three_seconds, "takes minutes and wants a quiet machine";
        reports::every_format_tells_the_same;
        reports::what_only_a_real_network_breaks_is_told_and_fails_nothing_unless_it_is_strict;
        reports::ctrl_c_still_writes_every_format;
        reports::a_check_that_cannot_be_played_still_writes_every_format;
        reports::both_sides_are_one_document;
        reports::exit_codes_tell_right_wrong_undecided_and_trouble_apart;
        reports::a_result_file_is_replaced_in_one_step_and_nothing_stays_beside_it;
        strangers::a_port_scan_changes_no_verdict_on_a_network_that_is_shared_or_not;
        strangers::without_root_each_case_has_its_own_network_too;
        strangers::a_client_that_goes_elsewhere_is_told_where;
        strangers::any_name_leads_a_client_to_the_check;
        strangers::an_address_of_the_internet_leads_a_client_to_the_check_where_the_sheet_has_one;
        strangers::a_server_that_binds_another_machines_address_is_told_so;
        watching::a_change_is_checked_again_and_ctrl_c_ends_it;
        watching::a_change_while_a_check_runs_ends_that_check;
        watching::ctrl_c_in_the_middle_of_a_check_leaves_nothing;
        watching::a_check_that_cannot_be_done_is_shown_and_done_after_the_next_change;
        watching::one_failure_is_shown_at_a_time_and_the_next_when_it_passes;
        watching::a_command_without_a_file_needs_one_to_watch;
    };
    all.to_vec()
}

#[cfg(all(has_gallery, target_os = "linux"))]
fn main() -> ExitCode {
    use std::net::Ipv4Addr;

    use libtest_mimic::{Arguments, Trial};

    // The sheets' ports are free in a private network, whatever else runs on this machine; all
    // threads from here on are in it.
    let private = lab_netns::available() && lab_netns::enter(Ipv4Addr::LOCALHOST.into()).is_ok();
    let taken = (!private).then(tool::taken_port).flatten();
    let python = tool::python();
    let mut trials: Vec<Trial> = all()
        .iter()
        .map(|(name, test, ignored)| {
            let ignored = match python {
                true => *ignored,
                false => ignored.or(Some("python3 is not installed")),
            };
            let ignored = match *name {
                MAY_NOT_BE_KILLED if !tool::changes_users() => {
                    ignored.or(Some("needs root and setpriv of util-linux"))
                }
                name if NEED_NETWORKS.contains(&name) && !lab_netns::available() => {
                    ignored.or(Some("this user may not make network namespaces"))
                }
                name if WITHOUT_ROOT.contains(&name) && !strangers::users_make_networks() => {
                    ignored.or(Some(
                        "needs root, setpriv, and a system where users may make network namespaces",
                    ))
                }
                name if NEED_SHEETS_PORTS.contains(&name) => ignored.or(taken.as_deref()),
                _ => ignored,
            };
            let name = match ignored {
                Some(why) => format!("{name} ({why})"),
                None => (*name).to_string(),
            };
            let test = *test;
            Trial::test(name, move || {
                test();
                Ok(())
            })
            .with_ignored_flag(ignored.is_some())
        })
        .collect();
    trials.extend(missing_readers());
    let mut arguments = Arguments::from_args();
    // They wait more than they compute.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The tests of the formats ask others' readers, where there are any: if not, that is shown.
#[cfg(all(has_gallery, target_os = "linux"))]
fn missing_readers() -> Vec<libtest_mimic::Trial> {
    use libtest_mimic::{Completion, Trial};

    let readers = [
        ("xmllint", "JUnit by its schema"),
        ("prove", "TAP by prove"),
    ];
    let is_missing = |reader: &str| {
        let version = std::process::Command::new(reader).arg("--version").output();
        version.is_err()
    };
    let missing = readers.into_iter().filter(|(reader, _)| is_missing(reader));
    missing
        .map(|(reader, what)| {
            let reason = format!("{reader} is not installed");
            let name = format!("reports: {what} ({reason})");
            let ignored = move || Ok(Completion::ignored_with(reason.clone()));
            Trial::ignorable_test(name, ignored)
        })
        .collect()
}
