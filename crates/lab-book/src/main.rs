//! `cargo lab book`: the labs as a site, made from the programs, their READMEs and recorded runs.
//!
//! | module | holds |
//! |---|---|
//! | [`book`] | `cargo lab book`: the command |
//! | [`folder`] | the folder that the book is written to |
//! | [`site`] | all pages, and the files that they need |
//! | [`exercise`] | the page of an exercise |
//! | [`chapter`] | a chapter: text with parts of the workspace in it |
//! | [`source`] | the page of a source file |
//! | [`page`] | the frame around every page |
//! | [`columns`] | the two columns of a program; what is around its exercise is behind a click |
//! | [`steps`] | two programs side by side, step by step |
//! | [`twins`] | which lines of two programs make the same calls |
//! | [`toy`] | a stream that the reader cuts |
//! | [`judged`] | what `cargo lab check` looks for, and what it says of our programs |
//! | [`hints`] | the hints of `cargo lab hint`, behind clicks |
//! | [`code`] | code in colors |
//! | [`markdown`] | a document as sections of HTML |
//! | [`links`] | where a document's link leads in the book |
//! | [`data`] | what the book says about an exercise: a file of data for each |
//! | [`predict`] | `cargo lab predict`, and the questions on the pages |
//! | [`answers`] | what the user has answered in `cargo lab predict`, in a file |
//! | [`question`] | a question about a run, and how it is checked |
//! | [`measure`] | what a run answers |
//! | [`checks`] | makes all runs of the book, and sees whether they show what they have to |
//! | [`recordings`] | the recorded runs, and where each is shown |
//! | [`plan`] | how a run is made |
//! | [`runs`] | runs of programs, recorded by `cargo lab trace` |
//! | [`anonymous`] | what a run tells of its machine, taken out |
//!
//! No line of code and no transcript is copied by hand. The page of an exercise is its programs,
//! its READMEs and a run that is made when the book is built.

mod anonymous;
mod answers;
mod book;
mod chapter;
mod checks;
mod code;
mod columns;
mod data;
mod exercise;
mod folder;
mod hints;
mod judged;
mod links;
mod markdown;
mod measure;
mod page;
mod plan;
mod predict;
mod question;
mod recordings;
mod runs;
mod site;
mod source;
mod steps;
mod toy;
mod twins;

use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use labnet::{Failure, log};

/// Reads, predicts and tries the labs as a site.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Command {
    Book(book::Book),
    Predict(predict::Predict),
}

fn main() -> ExitCode {
    let done = labnet::args_as::<Args>("cargo lab").and_then(|args| match args.command {
        Command::Book(book) => book.run(),
        Command::Predict(predict) => predict.run(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log!("{:?}", Failure::from(error));
            ExitCode::FAILURE
        }
    }
}
