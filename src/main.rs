//! Parse, run, exit with the report's code.

use clap::{CommandFactory, Parser};
use qte_ci::act::files::slashed_absolute;
use qte_ci::act::{files::Hashing, keep, process};
use qte_ci::cli::{Cli, Command, GateArgs, ReadArgs, VerifyArgs};
use qte_ci::facts::event::Event;
use qte_ci::facts::report::exit_code;
use qte_ci::facts::stage::Gate;
use qte_ci::gate::{self, GateError};
use qte_ci::order::{self, Order, OrderError};
use qte_ci::publish::Publisher;
use qte_ci::read::{self, ErrorKind, Measured, ReadError};
use qte_ci::tell::{clean::terminal, read_json, reference, settings};
use qte_ci::{config, verify};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

const USE: u8 = 2;
const UNMEASURED: u8 = 3;
const OUR_FAULT: u8 = 70;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USE } else { 0 };
            // Help that cannot be printed is no reason for another exit code.
            error.print().unwrap_or(());
            return ExitCode::from(code);
        }
    };
    let done = match cli.command {
        Command::Gate(args) => run_gate(&args),
        Command::Read(args) => run_read(&args),
        Command::Verify(args) => run_verify(&args),
        Command::Check(args) => run_check(&args),
        Command::Init => print(config::DEFAULT),
        Command::Schema => print(&format!("{:#}\n", config::schema())),
        Command::Explain { gate } => run_explain(&gate),
        Command::Keep { argv } => return run_keep(&argv),
        Command::Reference => print(&reference_text()),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("{}", failure.text);
        ExitCode::from(failure.code)
    })
}

/// What ends the program with a message instead of an answer.
struct Failure {
    code: u8,
    text: String,
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Failure {
        let text = match &error {
            OrderError::Config(config) => {
                let line = config.line.to_string();
                let pad = " ".repeat(line.len());
                let mark = " ".repeat((config.column as usize).saturating_sub(1));
                let mut text = format!(
                    "error: {}\n {pad} |\n {line} | {}\n {pad} | {mark}^",
                    terminal(&config.to_string()),
                    terminal(&config.source_line)
                );
                if let Some(help) = &config.help {
                    text.push_str(&format!("\n  help: {}", terminal(help)));
                }
                text
            }
            OrderError::Use(text) => format!("error: {}", terminal(text)),
        };
        Failure { code: USE, text }
    }
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Failure {
        let code = if matches!(error, GateError::Use(_)) { USE } else { OUR_FAULT };
        Failure { code, text: format!("error: {}", terminal(&error.to_string())) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        // A reader that closed the pipe has what it wanted.
        let code = if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { OUR_FAULT };
        Failure { code, text: format!("error: {error}") }
    }
}

type Done = Result<ExitCode, Failure>;

fn print(text: &str) -> Done {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn run_gate(args: &GateArgs) -> Done {
    let order = order::resolve(args)?;
    keep::adopt_orphans();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (done, signal) = runtime.block_on(async {
        tokio::select! {
            signal = stopped() => (None, Some(signal)),
            done = gate_and_tell(&order) => (Some(done), None),
        }
    });
    if let Some(signal) = signal {
        // The line of work was dropped, and with it the pipes of what ran.
        process::end_all();
        let signal = signal?;
        eprintln!("stopped by signal {signal}: nothing was left running, no report was written");
        return Ok(ExitCode::from(128 + signal));
    }
    done.unwrap_or(Ok(ExitCode::from(OUR_FAULT)))
}

fn run_keep(argv: &[String]) -> ExitCode {
    let code = match keep::run(argv) {
        Ok(status) => keep::repeat(status),
        Err(error) => {
            eprintln!("{}: {error}", argv.first().map_or("", String::as_str));
            keep::NOT_STARTED
        }
    };
    ExitCode::from(u8::try_from(code).unwrap_or(OUR_FAULT))
}

async fn gate_and_tell(order: &Order) -> Done {
    let mut publisher = Publisher::new(order.in_actions);
    for note in &order.notes {
        publisher.tell(&Event::Note(note.clone()));
    }
    if let Err(why) = &order.base {
        publisher.tell(&Event::Note(format!("changed lines are not asked: {why}")));
    }
    let report = gate::run(order, &mut |event| publisher.tell(&event)).await?;
    gate::write(&report, &order.report)?;
    publisher.close(&report)?;
    Ok(ExitCode::from(exit_code(report.outcome)))
}

/// Waits for a signal that asks us to stop.
async fn stopped() -> io::Result<u8> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let number = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hangup.recv() => SignalKind::hangup(),
    };
    Ok(number.as_raw_value() as u8)
}

fn run_read(args: &ReadArgs) -> Done {
    let named = match &args.format {
        None => None,
        Some(name) => Some(read::format(name).ok_or_else(|| {
            let known: Vec<&str> = read::FORMATS.iter().map(|f| f.id).collect();
            let near = config::nearest(name, &known).map_or(String::new(), |n| format!(" (did you mean `{n}`?)"));
            Failure {
                code: USE,
                text: format!(
                    "error: --format: unknown format `{}`{near}; this version reads {}",
                    terminal(name),
                    known.join(", ")
                ),
            }
        })?),
    };
    let mut code = 0;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for path in &args.files {
        let shown = path.to_string_lossy();
        let value = match read_one(path, named) {
            Ok((format, Measured::Tests(tests))) => read_json::tests(&shown, format, &tests),
            Ok((format, Measured::Coverage(coverage))) => read_json::coverage(&shown, format, &coverage),
            Err(error) => {
                code = UNMEASURED;
                read_json::refused(&shown, &error)
            }
        };
        let line = if args.json { value.to_string() } else { read_json::line(&value) };
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(ExitCode::from(code))
}

fn read_one(path: &Path, named: Option<&'static read::Format>) -> Result<(&'static str, Measured), ReadError> {
    let cannot = |e: io::Error| ReadError::new(ErrorKind::Unknown, None, format!("cannot be read: {e}"));
    let mut source = Hashing::new(File::open(path).map_err(cannot)?);
    let reading = read::read(&mut source, named, &mut |_| {})?;
    Ok((reading.format.id, reading.measured))
}

fn run_verify(args: &VerifyArgs) -> Done {
    let differences = verify::differences(args).map_err(|error| match error {
        verify::VerifyError::Gate(error) => error.into(),
        verify::VerifyError::Order(error) => error.into(),
        verify::VerifyError::Report(text) => Failure { code: USE, text: format!("error: {}", terminal(&text)) },
    })?;
    if differences.is_empty() {
        print("the report holds: every verdict follows from the evidence on disk\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &differences {
        print(&format!("differs: {}\n", terminal(difference)))?;
    }
    Ok(ExitCode::from(1))
}

fn run_check(args: &GateArgs) -> Done {
    let order = order::resolve(args)?;
    let base = match &order.base {
        Ok(base) => format!("{} ({})", base.sha, base.why),
        Err(why) => format!("none: {why}"),
    };
    print(&format!("project {}\n", terminal(&slashed_absolute(&order.project))))?;
    print(&settings::table(&order.policy, &order.looser, &base))
}

fn run_explain(name: &str) -> Done {
    let gate: Gate = name.parse().map_err(|e: qte_ci::facts::stage::UnknownName| {
        let near = config::nearest(name, &Gate::ALL.map(Gate::id))
            .map_or(String::new(), |n| format!("\n  help: did you mean `{n}`?"));
        Failure { code: USE, text: format!("error: {}{near}", terminal(&e.to_string())) }
    })?;
    print(match gate {
        Gate::Install => include_str!("../docs/gates/install.md"),
        Gate::Tests => include_str!("../docs/gates/tests.md"),
        Gate::Coverage => include_str!("../docs/gates/coverage.md"),
    })
}

fn reference_text() -> String {
    let formats: Vec<reference::FormatRow> = read::FORMATS
        .iter()
        .map(|f| reference::FormatRow { id: f.id, title: f.title, written_by: f.written_by })
        .collect();
    let mut command = Cli::command();
    command.build();
    let commands: Vec<(String, String)> = command
        .get_subcommands_mut()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
        .map(|c| (c.get_name().to_string(), c.clone().term_width(100).render_help().to_string()))
        .collect();
    reference::markdown(&formats, &config::schema(), &commands)
}
