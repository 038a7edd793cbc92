//! Subcommands and flags. The action's inputs are the same flags.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// CI gates that cannot pass without evidence.
#[derive(Debug, Parser)]
#[command(name = "qte-ci", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 passed; 1 a blocking gate failed (verify: a difference); 2 wrong use or configuration;
3 something blocking is unmeasured or inconclusive (read: a file is not ok); 70 our own fault; 128+n stopped by signal n";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gates of the project's stages and write qte-report.json
    Gate(GateArgs),
    /// Say what the readers see in report files
    Read(ReadArgs),
    /// Decide a recorded series again, by the code that decides live
    Replay(ReplayArgs),
    /// Derive every verdict of a report anew from its evidence; say what differs
    Verify(VerifyArgs),
    /// Publish the report of another workflow run, whose code is not trusted (event workflow_run)
    Publish(PublishArgs),
    /// Say whether stages passed on a commit, as the workflow run itself can prove
    Requires(RequiresArgs),
    /// Print the resolved settings with their sources, and those looser than on the base branch
    Check(GateArgs),
    /// Print a commented configuration with every default
    Init,
    /// Print the JSON schema of the configuration
    Schema,
    /// Say what a gate asks, what makes it red, and how to mend it
    Explain {
        /// install, tests, coverage, security, audit, quality or secrets
        gate: String,
    },
    /// Run what the action's inputs ask for
    #[command(hide = true)]
    Action,
    /// Run a command and end it, with all that it started, when standard input closes
    #[command(hide = true)]
    Keep {
        #[arg(required = true, last = true)]
        argv: Vec<String>,
    },
    /// Print the generated reference: formats, settings, commands
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Args, Clone)]
pub struct GateArgs {
    /// The project's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// The stages to run, such as 1A,1B,2A,2B
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub stages: Vec<String>,
    /// The configuration file [default: .github/qte-ci.yml where it exists]
    #[arg(long, value_name = "F")]
    pub config: Option<PathBuf>,
    /// The revision that changes are compared with [default: from the event, else where the branch left the remote's]
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// A qte-report.json of an earlier run, which the coverage must not fall behind; its details file beside it holds
    /// the history of failing and flaky tests
    #[arg(long, value_name = "REPORT")]
    pub baseline: Option<PathBuf>,
    /// Percentage of lines that must be covered
    #[arg(long, value_name = "N")]
    pub coverage_threshold: Option<String>,
    /// The least severity that is red in the gates security and audit: notice, low, medium, high, critical
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<String>,
    /// A check run for each stage, for each gate, or none
    #[arg(long, value_name = "HOW", value_enum)]
    pub checks: Option<Checks>,
    /// Where the report goes [default: qte-report.json in the project]
    #[arg(long, value_name = "F")]
    pub report: Option<PathBuf>,
    /// Where the report for people goes [default: qte-report.html in the project]
    #[arg(long, value_name = "F")]
    pub html: Option<PathBuf>,
    /// How many tools of the stages 2A and 2B run at a time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Publish nothing
    #[arg(long)]
    pub no_publish: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Checks {
    Stage,
    Gate,
    Off,
}

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// A check run for each stage, for each gate, or none
    #[arg(long, value_name = "HOW", value_enum)]
    pub checks: Option<Checks>,
    /// Where the report for people goes [default: beside the report]
    #[arg(long, value_name = "F")]
    pub html: Option<PathBuf>,
    /// The qte-report.json of the other run
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
}

#[derive(Debug, Args)]
pub struct RequiresArgs {
    /// The stages that must have passed, such as 1A,1B
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    pub stages: Vec<String>,
    /// The workflow that must have said so, such as .github/workflows/ci.yml
    #[arg(long, value_name = "FILE")]
    pub workflow: String,
    /// The whole commit [default: the event's]
    #[arg(long, value_name = "SHA")]
    pub sha: Option<String>,
    /// The policy_sha256 that it must have been judged by [default: any]
    #[arg(long, value_name = "SHA256")]
    pub policy: Option<String>,
}

#[derive(Debug, Args)]
pub struct ReadArgs {
    /// The files' format, where their content cannot tell it
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Report files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// One JSON object on one line
    #[arg(long)]
    pub json: bool,
    /// A JSON file with `kind` (performance: `base` and `head` with the time of each round, `params`)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A qte-report.json; its evidence is looked for in its folder's project
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// The project's folder [default: the report's folder]
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}
