//! Parse, run, exit with the report's code.

use clap::{CommandFactory, Parser};
use qte_ci::act::files::slashed_absolute;
use qte_ci::act::handoff::{self, Handed};
use qte_ci::act::{files::Hashing, keep, process};
use qte_ci::cli::{Cli, Command, GateArgs, PublishArgs, ReadArgs, ReplayArgs, RequiresArgs, VerifyArgs};
use qte_ci::facts::event::Event;
use qte_ci::facts::report::exit_code;
use qte_ci::facts::secret::hide;
use qte_ci::facts::stage::Gate;
use qte_ci::gate::{self, GateError};
use qte_ci::order::{self, Order, OrderError, Publishing};
use qte_ci::publish::{self, Checks, Finished, Places, Publisher};
use qte_ci::read::{self, ErrorKind, Measured, ReadError};
use qte_ci::tell::{annotations, clean, clean::terminal, markdown, read_json, reference, settings};
use qte_ci::{config, replay, requires, verify};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

const USE: u8 = 2;
const UNMEASURED: u8 = 3;
const OUR_FAULT: u8 = 70;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        say(&format!("error: a fault of qte-ci itself: {panic}"));
        std::process::exit(OUR_FAULT.into());
    }));
    let handed = match handoff::take() {
        Ok(handed) => handed,
        Err(error) => {
            say(&format!("error: the token and the runner's files cannot be taken over: {error}"));
            return ExitCode::from(OUR_FAULT);
        }
    };
    let cli = match Cli::try_parse().map(|cli| from_inputs(cli, &handed)) {
        Ok(Ok(cli)) => cli,
        Ok(Err(failure)) => return failure.end(&handed),
        Err(error) => return wrong_use(&error),
    };
    run(&cli.command, &handed).unwrap_or_else(|failure| failure.end(&handed))
}

/// A line on standard error; where that is closed, the exit code says the rest.
fn say(text: &str) {
    writeln!(io::stderr(), "{text}").unwrap_or(());
}

fn wrong_use(error: &clap::Error) -> ExitCode {
    // Help that cannot be printed is no reason for another exit code.
    error.print().unwrap_or(());
    ExitCode::from(if error.use_stderr() { USE } else { 0 })
}

/// The action's inputs are a command line of their own.
fn from_inputs(cli: Cli, handed: &Handed) -> Result<Cli, Failure> {
    if !matches!(cli.command, Command::Action) {
        return Ok(cli);
    }
    let arguments = order::arguments(handed)?;
    let program = [env!("CARGO_PKG_NAME").to_string()];
    Cli::try_parse_from(program.into_iter().chain(arguments))
        .map_err(|error| Failure::new(USE, error.to_string().trim_end()))
}

fn run(command: &Command, handed: &Handed) -> Done {
    match command {
        Command::Gate(args) => run_gate(args, handed),
        Command::Read(args) => run_read(args),
        Command::Replay(args) => run_replay(args),
        Command::Verify(args) => run_verify(args),
        Command::Publish(args) => run_publish(args, handed),
        Command::Requires(args) => run_requires(args, handed),
        Command::Check(args) => run_check(args),
        Command::Init => print(config::DEFAULT),
        Command::Schema => print(&format!("{:#}\n", config::schema())),
        Command::Explain { gate } => run_explain(gate),
        Command::Keep { argv } => Ok(run_keep(argv)),
        Command::Reference => print(&reference_text()),
        Command::Action => Err(Failure::new(USE, "error: the inputs name themselves")),
    }
}

/// What ends the program with a message instead of an answer.
struct Failure {
    code: u8,
    text: String,
    /// A file and a line in it.
    place: Option<(String, u64)>,
}

impl Failure {
    fn new(code: u8, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into(), place: None }
    }

    fn end(self, handed: &Handed) -> ExitCode {
        if order::in_actions() {
            let text = hide(&self.text, &order::secrets(handed));
            let place = self.place.as_ref().map(|(path, line)| (path.as_str(), *line));
            // A closed standard output takes no more lines; the exit code says the rest.
            io::stdout().write_all(format!("{}\n", annotations::error(place, &text)).as_bytes()).unwrap_or(());
            say(&clean::actions(&text));
        } else {
            say(&self.text);
        }
        ExitCode::from(self.code)
    }
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
        let place = match &error {
            OrderError::Config(config) => Some((config.path.clone(), config.line)),
            OrderError::Use(_) => None,
        };
        Failure { code: USE, text, place }
    }
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Failure {
        let code = if matches!(error, GateError::Use(_)) { USE } else { OUR_FAULT };
        Failure::new(code, format!("error: {}", terminal(&error.to_string())))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        // A reader that closed the pipe has what it wanted.
        let code = if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { OUR_FAULT };
        Failure::new(code, format!("error: {error}"))
    }
}

type Done = Result<ExitCode, Failure>;

fn print(text: &str) -> Done {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A line of an answer whose exit code counts: a reader that closed the pipe makes it no better.
fn answer_line(text: &str) {
    io::stdout().write_all(text.as_bytes()).unwrap_or(());
}

fn run_gate(args: &GateArgs, handed: &Handed) -> Done {
    let order = order::resolve(args, handed)?;
    keep::adopt_orphans();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The HTTP client's own task runs there.
    let _inside = runtime.enter();
    let mut publisher = Publisher::new(&order.publishing);
    let mut checks = publish::checks(&order.publishing, &order.stages.value);
    let done = runtime.block_on(async {
        tokio::select! {
            signal = stopped() => Err(signal),
            done = gate_and_publish(&order, &mut publisher, &mut checks) => Ok(done),
        }
    });
    let safe = Safe { runtime: &runtime, publisher: &publisher, publishing: &order.publishing };
    match done {
        Ok(done) => safe.end(done, &mut checks),
        Err(signal) => safe.stop(signal?, &mut checks),
    }
}

/// What is needed to end without leaving anything behind.
struct Safe<'a> {
    runtime: &'a tokio::runtime::Runtime,
    publisher: &'a Publisher,
    publishing: &'a Publishing,
}

impl Safe<'_> {
    /// After the work, or its failure.
    fn end(&self, done: Done, checks: &mut Result<Checks, String>) -> Done {
        let Err(failure) = done else { return done };
        let title = "qte-ci could not do its work";
        self.runtime.block_on(self.close(checks, "failure", title, &failure.text));
        self.restore();
        Err(failure)
    }

    /// After a signal.
    fn stop(&self, signal: u8, checks: &mut Result<Checks, String>) -> Done {
        let title = format!("stopped by signal {signal}");
        // The line of work was dropped, and with it the pipes of what ran; its end is waited for meanwhile.
        let ending = std::thread::spawn(process::end_all);
        self.runtime.block_on(self.close(checks, "cancelled", &title, "The job was cancelled or stopped."));
        if ending.join().is_err() {
            say("error: what ran could not be ended");
        }
        self.restore();
        say(&format!("{title}: nothing was left running"));
        Ok(ExitCode::from(128 + signal))
    }

    /// No check run stays in progress.
    async fn close(&self, checks: &mut Result<Checks, String>, conclusion: &str, title: &str, text: &str) {
        let Ok(checks) = checks else { return };
        let text = hide(text, &self.publishing.secrets);
        for sentence in checks.end_all(conclusion, title, &markdown::fenced(&text, 4000)).await {
            self.publisher.say(&sentence);
        }
    }

    /// Nothing that a test wrote into the runner's files reaches a later step.
    fn restore(&self) {
        self.publishing.runner.restore().iter().for_each(|error| self.publisher.say(error));
    }
}

fn run_keep(argv: &[String]) -> ExitCode {
    let code = match keep::run(argv) {
        Ok(status) => keep::repeat(status),
        Err(error) => {
            say(&format!("{}: {error}", argv.first().map_or("", String::as_str)));
            keep::NOT_STARTED
        }
    };
    ExitCode::from(u8::try_from(code).unwrap_or(OUR_FAULT))
}

async fn gate_and_publish(order: &Order, publisher: &mut Publisher, checks: &mut Result<Checks, String>) -> Done {
    if let Err(why) = &order.base {
        publisher.tell(&Event::Note(format!("changed lines are not asked: {why}")));
    }
    // Before any code of the project runs: git would run programs that a test wrote into its configuration.
    let places = Places::of(order);
    let report = {
        let opening = async {
            if let Ok(checks) = checks {
                checks.open().await;
            }
            std::future::pending::<()>().await;
        };
        let mut tell = |event| publisher.tell(&event);
        tokio::select! {
            // The verdict never waits for GitHub; what was not opened is opened at the end.
            report = gate::run(order, &mut tell) => report?,
            () = opening => return Ok(ExitCode::from(OUR_FAULT)),
        }
    };
    let publishing = &order.publishing;
    let (report, digest) = gate::write(&report, &order.report, &publishing.secrets)?;
    let code = exit_code(report.outcome);
    publisher.close(&report);
    let project = Some(order.project.as_path());
    let finished = Finished { report: &report, digest: &digest, report_path: &order.report, project, publishing };
    keep::end_orphans(&|_| false);
    let left = publishing.runner.restore();
    left.iter().for_each(|error| publisher.say(error));
    publisher.publish(&finished, checks.as_mut().map_err(|why| &**why), &places, Vec::new()).await;
    // Green, and perhaps with outputs of a test's own: that is not green.
    Ok(ExitCode::from(if code == 0 && !left.is_empty() { OUR_FAULT } else { code }))
}

fn run_publish(args: &PublishArgs, handed: &Handed) -> Done {
    let (publishing, followed) = order::resolve_publish(args, handed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let refused = |text: String| Failure::new(UNMEASURED, format!("error: {}", terminal(&text)));
    let foreign = publish::foreign::read(&args.report, followed.as_deref()).map_err(refused)?;
    let mut publisher = Publisher::new(&publishing);
    let mut checks = publish::checks(&publishing, &foreign.stages());
    let done = runtime.block_on(async {
        tokio::select! {
            signal = stopped() => Err(signal),
            failed = foreign.publish(&args.report, &publishing, &mut publisher, &mut checks) => Ok(failed),
        }
    });
    let safe = Safe { runtime: &runtime, publisher: &publisher, publishing: &publishing };
    match done {
        Ok(failed) => Ok(ExitCode::from(u8::from(!failed.is_empty()))),
        Err(signal) => safe.stop(signal?, &mut checks),
    }
}

fn run_requires(args: &RequiresArgs, handed: &Handed) -> Done {
    let (target, head) = order::resolve_requires(handed)?;
    let ask = requires::ask(args, head).map_err(|text| Failure::new(USE, format!("error: {text}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(requires::ask_and_confirm(&target, &ask));
    let (code, lines, word) = match answer {
        Ok(passed) => (0, passed, "passed"),
        Err(missing) => (UNMEASURED, missing, "not confirmed"),
    };
    let secrets = order::secrets(handed);
    let safe = |line: &str| if order::in_actions() { clean::actions(line) } else { terminal(line) };
    for line in lines {
        answer_line(&format!("{word}: {}\n", safe(&hide(&line, &secrets))));
    }
    Ok(ExitCode::from(code))
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
            let (name, known) = (terminal(name), known.join(", "));
            Failure::new(USE, format!("error: --format: unknown format `{name}`{near}; this version reads {known}"))
        })?),
    };
    let mut code = 0;
    for path in &args.files {
        let shown = path.to_string_lossy();
        let value = match read_one(path, named) {
            Ok((format, Measured::Tests(tests))) => read_json::tests(&shown, format, &tests),
            Ok((format, Measured::Coverage(coverage))) => read_json::coverage(&shown, format, &coverage),
            Ok((format, Measured::Findings(findings))) => read_json::findings(&shown, format, &findings),
            Ok((format, Measured::Benchmarks(benchmarks))) => read_json::benchmarks(&shown, format, &benchmarks),
            Err(error) => {
                code = UNMEASURED;
                read_json::refused(&shown, &error)
            }
        };
        let line = if args.json { value.to_string() } else { read_json::line(&value) };
        answer_line(&format!("{line}\n"));
    }
    Ok(ExitCode::from(code))
}

fn read_one(path: &Path, named: Option<&'static read::Format>) -> Result<(&'static str, Measured), ReadError> {
    let cannot = |e: io::Error| ReadError::new(ErrorKind::Unknown, None, format!("cannot be read: {e}"));
    let mut source = Hashing::new(File::open(path).map_err(cannot)?);
    let reading = read::read(&mut source, named, &mut |_| {})?;
    Ok((reading.format.id, reading.measured))
}

fn run_replay(args: &ReplayArgs) -> Done {
    let path = terminal(&args.file.to_string_lossy());
    let wrong = |why: String| Failure::new(USE, format!("error: {path}: {}", terminal(&why)));
    let text = std::fs::read_to_string(&args.file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let replayed = replay::replay(&text).map_err(wrong)?;
    print(&if args.json { format!("{}\n", replayed.json) } else { format!("{}\n", replayed.lines.join("\n")) })
}

fn run_verify(args: &VerifyArgs) -> Done {
    let differences = verify::differences(args).map_err(|error| match error {
        verify::VerifyError::Gate(error) => error.into(),
        verify::VerifyError::Order(error) => error.into(),
        verify::VerifyError::Report(text) => Failure::new(USE, format!("error: {}", terminal(&text))),
    })?;
    if differences.is_empty() {
        print("the report holds: every verdict follows from the evidence on disk\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &differences {
        answer_line(&format!("differs: {}\n", terminal(difference)));
    }
    Ok(ExitCode::from(1))
}

fn run_check(args: &GateArgs) -> Done {
    let order = order::resolve(args, &Handed::default())?;
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
        Failure::new(USE, format!("error: {}{near}", terminal(&e.to_string())))
    })?;
    print(match gate {
        Gate::Install => include_str!("../docs/gates/install.md"),
        Gate::Tests => include_str!("../docs/gates/tests.md"),
        Gate::Coverage => include_str!("../docs/gates/coverage.md"),
        Gate::Security => include_str!("../docs/gates/security.md"),
        Gate::Audit => include_str!("../docs/gates/audit.md"),
        Gate::Quality => include_str!("../docs/gates/quality.md"),
        Gate::Secrets => include_str!("../docs/gates/secrets.md"),
    })
}

fn reference_text() -> String {
    let formats: Vec<reference::FormatRow> = read::FORMATS
        .iter()
        .map(|f| reference::FormatRow {
            id: f.id,
            title: f.title,
            reads: f.reads,
            written_by: f.written_by,
            refuses: f.refuses,
        })
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
