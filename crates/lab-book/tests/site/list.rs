//! The list of the tests, and what each needs.

use std::process::Command;

use libtest_mimic::{Arguments, Trial};

use super::chromium;
use super::site::axe;
use super::{browser, build, exercises, light, pages, predict, runs};

/// What a test needs.
#[derive(Clone, Copy)]
enum Needs {
    /// The built book.
    Book,
    /// The built book and a browser.
    Browser,
    /// The built book, a browser and axe-core.
    Axe,
}

/// A name and a function for each of these tests.
macro_rules! tests {
    ($needs:expr; $($module:ident::$name:ident),* $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), $needs, $module::$name as fn())),*]
    };
}

fn all() -> Vec<(&'static str, Needs, fn())> {
    let book = tests![Needs::Book;
        build::a_folder_that_is_no_book_stays_and_nothing_is_recorded,
        build::ctrl_c_leaves_no_half_book,
        build::without_networks_it_says_what_to_do,
        pages::every_program_and_twin_is_on_a_page_byte_for_byte,
        pages::every_numbered_step_is_paired_in_one_row,
        pages::every_link_and_anchor_resolves_and_nothing_is_asked_of_other_machines,
        pages::every_command_on_a_page_exists,
        pages::every_side_that_can_be_checked_has_its_command_on_its_page,
        pages::every_exercise_shows_what_its_programs_print_and_how_they_end,
        pages::every_trace_has_its_title_its_picture_and_leads_back,
        exercises::every_side_that_can_be_checked_shows_what_is_asked_and_the_verdict_on_ours,
        exercises::the_exercise_is_in_sight_and_what_is_around_it_behind_a_click,
        exercises::a_masked_date_is_explained_where_it_is,
        exercises::the_path_counts_the_steps_of_every_exercise,
        pages::no_page_tells_of_the_machine_or_the_day_of_its_build,
        pages::pages_are_small_and_the_build_says_their_sizes,
        predict::at_least_sixty_questions_are_on_the_pages_and_three_on_each,
        predict::a_broken_program_fails_its_question,
        predict::the_terminal_asks_and_tells_what_a_wrong_answer_believes,
        predict::a_user_who_comes_back_sees_what_is_answered_and_goes_on,
        predict::answers_about_your_own_program_are_not_kept,
        predict::your_own_program_answers_for_itself,
    ];
    let browser = tests![Needs::Browser;
        browser::a_browser_leaves_nothing_behind,
        browser::pages_load_without_errors_and_ask_nothing_of_others_from_a_file_and_from_a_subfolder,
        browser::no_page_is_wider_than_its_window,
        browser::the_keyboard_alone_reaches_everything,
        browser::search_finds_given_words_at_their_page_in_the_first_three,
        browser::on_paper_answers_are_open_and_controls_are_gone,
        browser::pictures_are_taken_for_a_person_to_look_at,
        light::a_call_lights_its_lines_and_a_step_lights_its_calls,
        light::the_toy_shows_what_the_readers_give_at_each_cut,
        light::the_toy_is_cut_with_a_pointer_and_with_keys,
        predict::a_wrong_pick_opens_the_trace_and_is_kept_in_the_browser,
    ];
    let axe = tests![Needs::Axe;
        browser::axe_finds_no_violation_in_either_scheme,
        runs::pages_of_runs_are_for_everyone_at_any_width_and_in_either_scheme,
    ];
    [&book[..], &browser[..], &axe[..]].concat()
}

/// Why tests with each need cannot run here.
fn missing() -> impl Fn(Needs) -> Option<&'static str> {
    let why = |there: bool, why| (!there).then_some(why);
    let python = Command::new("python3").arg("--version").output().is_ok();
    let book = why(
        lab_netns::possible(),
        "unshare makes no network for this user",
    )
    .or(why(python, "python3 is not installed"));
    let chromium = chromium::PROGRAM.is_some();
    let browser = book.or(why(chromium, "chromium is not installed"));
    let axe = browser.or(why(axe().is_file(), "axe-core is not there: .ci/run book"));
    move |needs| match needs {
        Needs::Book => book,
        Needs::Browser => browser,
        Needs::Axe => axe,
    }
}

/// Runs what is asked for.
pub fn run() {
    let mut args = Arguments::from_args();
    let asked = args.ignored || args.include_ignored;
    // From here on `ignored` means that a test was not asked for, or cannot run.
    args.ignored = false;
    args.include_ignored = false;
    // Before the first thread, which the question about networks needs.
    let missing = asked.then(missing);
    let trial = |(name, needs, test): (&'static str, Needs, fn())| {
        let why = match &missing {
            Some(missing) => missing(needs),
            None => Some("takes minutes: .ci/run book"),
        };
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trial
            .with_ignored_flag(why.is_some())
            .with_kind(why.unwrap_or_default())
    };
    let trials = all().into_iter().map(trial).collect();
    libtest_mimic::run(&args, trials).exit();
}
